"""The Python of every page runs, and prints the results that the page states."""

import jax
import pytest

from tests.docs.pages import FENCE, PAGES, python_of

PRINTED = {
    "README.md": ("relu 0.0 holds", "\nrefuted ", "\nsupported "),
    "gradients.md": (
        "relu 0.0 0.0 holds",
        "0 of them undetected",
        "network holds",
        "by jax; also wrong: ",
        "∂L/∂weights1 x0ᵀ @ ∂L/∂x1 (3, 3)",
        "network[1].layers[0] (layer_norm)",
    ),
    "models_and_optimizers.md": ("ReceptiveField(size=(18, 18), step=(8, 8))", "61,706"),
    "getting_started.md": ("(1078, 8, 8, 1) 360 359", "accuracy"),
    "training.md": ("[0 0 0 0",),
    "data.md": ("Leakage(",),
    "claims.md": ("supported 32 hidden units − no hidden units",),
}
EXECUTED = [page for page in PAGES if python_of(page).strip()]


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, in_houses, capsys):
    names: dict = {"__name__": "__main__"}
    with jax.debug_key_reuse(False):  # a reader may use a key twice
        exec(compile(python_of(page), str(page), "exec"), names)
    printed = "\n" + capsys.readouterr().out
    for text in PRINTED.get(page.name, ()):
        assert text in printed
    assert printed.count("over") == (page.name == "gradients.md")  # only that page shows a gradient over its bound
    if page.name == "README.md":
        assert float(printed.split()[0]) > 0.9  # the accuracy of the quick start


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_in_a_language_that_is_tested(page):
    assert {language for language, _ in FENCE.findall(page.read_text())} <= {"python", "sh", "bibtex"}
