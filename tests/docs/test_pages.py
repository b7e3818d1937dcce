"""The Python of every page runs, prints the results that the page states, and displays those of a notebook."""

import ast

import jax
import pytest

from tests.docs.pages import CELL, FENCE, PAGES, ROOT, blocks, python_of

PRINTED = {
    "README.md": ("relu 0.0 holds", "\nrefuted ", "\nsupported "),
    "gradients.md": (
        "relu 0.0 0.0 holds",
        "0 of them undetected",
        "∂L/∂weights1 x0ᵀ @ ∂L/∂x1 (3, 3)",
        "network[1].layers[0] (layer_norm)",
    ),
    "your_derivation.md": (
        "targets[1, 0]: 0.9 by hand",
        "network holds",
        "by jax; also wrong: x, b1",
        "must return a tuple of 5 cotangents",
        "with targets equal to outputs",
        "undetected: ['targets >= outputs  →  targets > outputs']",
        "undetected: []",
    ),
    "models_and_optimizers.md": ("ReceptiveField(size=(18, 18), step=(8, 8))", "61,706"),
    "getting_started.md": ("(1078, 8, 8, 1) 360 359", "accuracy"),
    "training.md": ("[0 0 0 0",),
    "resuming.md": (
        "interrupted",
        "14 of 14 arrays are bit-identical",
        "differs in batch_size (32 there, 64 here)",
        "with other settings: epochs (1 there, 5 here)",
        "1 True",
    ),
    "pytorch_weights.md": (
        "Mlp_0.Dense_1.weight (10, 32)",
        "norm1.running_var is missing",
        "names must name the 6 layers",
    ),
    "report.md": ("page: runs/read/report.html", "mean test accuracy 0.9", "of 359 test examples"),
    "your_data.md": (
        "page: runs/flats/report.html",
        "wrote 5 predictions of 4 networks",
        "of 200 prices inside the 80 % interval",
        "flats.csv has no column 'prize'",
        "renamed.csv lacks columns: 'area'",
        "hidden ([32] there, [64] here)",
    ),
    "data.md": ("Leakage(",),
    "your_claim.md": (
        "64 seeds: power 0.9",
        "Supported.",
        "rules measured for this question: 1",
        "seeds must be at least 6",
        "unknown arm 'mean'",
        "the margin must be at least 0.02",
        "must return one number",
    ),
}
NOTEBOOK = ROOT / "docs" / "guides" / "notebook.md"
EXECUTED = [
    pytest.param(page, id=page.name, marks=[pytest.mark.slow] if CELL in page.read_text() else [])  # as make docs does
    for page in PAGES
    if python_of(page).strip() and page != NOTEBOOK
]


@pytest.mark.parametrize("page", EXECUTED)
def test_the_python_of_a_page_runs(page, in_houses, capsys):
    names: dict = {"__name__": "__main__"}
    with jax.debug_key_reuse(False):  # a reader may use a key twice
        exec(compile(python_of(page), str(page), "exec"), names)
    printed = "\n" + capsys.readouterr().out
    for text in PRINTED.get(page.name, ()):
        assert text in printed
    assert printed.count("over") == 3 * (page.name == "your_derivation.md")  # gradients over bounds
    if page.name == "README.md":
        assert float(printed.split()[0]) > 0.9  # the accuracy of the quick start


@pytest.mark.slow
def test_every_cell_of_the_notebook_session_displays_its_last_line(in_houses, capsys):
    names, shown = {}, []
    for cell in blocks(NOTEBOOK, CELL):
        *statements, last = ast.parse(cell).body
        exec(compile(ast.Module(statements, []), str(NOTEBOOK), "exec"), names)
        shown.append(eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names))
    texts = [repr(result) for result in shown]
    starts = [
        "Split(",
        "layer ",
        "function ",
        "Fit(16 members, ",
        "Figure(",
        "Summary(n=16, ",
        "PairedComparison(",
        *["Figure("] * 2,
    ]
    assert [text[: len(start)] for text, start in zip(texts, starts, strict=True)] == starts
    assert all(hasattr(result, "_repr_svg_") for result, text in zip(shown, texts, strict=True) if "Figure(" in text)
    assert all(hasattr(shown[table], "_repr_html_") for table in (1, 2))
    assert texts[2].count("holds") == 2
    assert names["accuracy"].mean() > 0.9
    assert capsys.readouterr() == ("", "")  # the library prints nothing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_in_a_language_that_is_tested(page):
    assert {language for language, _ in FENCE.findall(page.read_text())} <= {"python", CELL, "sh", "bibtex"}
