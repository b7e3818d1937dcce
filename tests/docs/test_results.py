"""Numbers, verdicts and links of the pages are those of the repository."""

import re
from collections import Counter

import pytest

from experiments.__main__ import every_experiment
from jaxdl import derivation
from jaxdl.cli import claims
from jaxdl.experiment import OUTCOMES
from jaxdl.experiment.registration import read_registrations
from jaxdl.runs import files
from tests.docs.pages import PAGES, ROOT

VERSIONS = ("python", "jax", "flax", "optax", "torch", "scikit-learn", "equinox")
BENCHMARKS = {path.stem: files.read_json(path) for path in (ROOT / "benchmarks" / "results").glob("*.json")}
EXPERIMENTS = {path.stem: files.read_json(path) for path in (ROOT / "experiments" / "results").glob("*.json")}
README = (ROOT / "README.md").read_text()


def row(benchmark, case, name):
    """Return the measurements of one competitor; `case` is the beginning of the name of a case."""
    (found,) = [each for each in BENCHMARKS[benchmark]["cases"] if each["name"].startswith(case)]
    (measured,) = [each for each in found["rows"] if each["name"] == name]
    return measured


def times(benchmark, case, name):
    """Return a ratio as README writes it."""
    ratio = row(benchmark, case, name)["ratio"]
    return f"{ratio:.0f} ×" if ratio >= 10 else f"{ratio:.2f} ×" if ratio < 1 else f"{ratio:.1f} ×"


def duration(seconds):
    """Return a time as docs/guides/benchmarks.md writes it."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def benchmark_table(result):
    """Return the Markdown table of a benchmark in docs/guides/benchmarks.md."""
    lines = ["| case | | time | relative time |", "|---|---|---|---|"]
    for case in result["cases"]:
        for number, each in enumerate(case["rows"]):
            interval = f"{each['ratio']:.3g} ({each['ratio_low']:.3g} to {each['ratio_high']:.3g})"
            first = f"| {case['name']} | " if number == 0 else "| | "
            ratio = interval if number else "1"
            lines.append(f"{first}{each['name']} | {duration(each['seconds_per_unit'])} | {ratio} |")
    return "\n".join(lines) + "\n"


def spaced(text):
    """Return a text in one line."""
    return re.sub(r"\s+", " ", text)


def test_the_speeds_in_readme_are_measured():
    written = spaced(README)
    names = ("PyTorch, one after another", "scikit-learn", "torch.func.vmap")
    loop, sklearn, vmap = (times("populations", "128 MLPs 64-64-10", name) for name in names)
    assert f"train {loop} as fast as with PyTorch, {sklearn} as fast as with scikit-learn, both one after" in written
    assert f"and {vmap} as fast as with `torch.func.vmap`" in written
    loop, sklearn, vmap = (times("populations", "32 MLPs 784-256-128-10", name) for name in names)
    assert f"32 MLPs 784-256-128-10 on MNIST: {loop}, {sklearn} and {vmap}." in written
    several = times("convnet_populations", "8 ConvNets", names[0])
    one = times("convnet", "ConvNet", "PyTorch, channels last, 2 threads")
    assert f"train {several} as fast as with PyTorch. `convnet`: a single one runs at {one} its speed" in written
    start = [row("time_to_accuracy", "97 %", name) for name in ("jaxdl, warm cache", "jaxdl, cold cache", "PyTorch")]
    warm, cold, pytorch = (f"{each['seconds_per_unit']:.1f} s" for each in start)
    assert f"takes {warm} from starting Python ({cold} with nothing cached); PyTorch {pytorch}" in written
    limit = row("limits", "32 MLPs 784-256-128-10 on MNIST, SGD", "a matrix product with as many operations")["ratio"]
    assert f"train at {limit:.2f} of the speed of large matrix products" in written


def test_the_counts_in_readme_are_those_of_the_package():
    assert f"{len(derivation.vjp_pairs())} functions" in README
    verdicts = Counter(claim["verdict"] for result in EXPERIMENTS.values() for claim in result["claims"])
    counts = ", ".join(f"{verdicts[outcome]} {outcome}" for outcome in OUTCOMES if verdicts[outcome])
    assert f"{verdicts.total()} claims in {len(EXPERIMENTS)} experiments: {counts}" in README


def test_readme_states_what_the_published_run_found():
    (claim,) = EXPERIMENTS["published_run"]["claims"]
    assert re.findall(r"\b8\b", claim["finding"]) == ["8", "8", "8"]  # of 8 epochs, 8 counts and 8 costs are equal
    assert "reproduce 8 published epochs" in README


def test_the_times_on_the_page_about_training_are_measured():
    page = spaced((ROOT / "docs" / "guides" / "training.md").read_text())
    limits = ["{ratio:.2f}", "{ratio_low:.2f} to {ratio_high:.2f}"]
    for name, text in (
        ("fit", "takes {} times as long as the bare compiled epochs (interval {})"),
        ("fit, with checkpoints", "and {} times with checkpoints ({})"),
    ):
        measured = row("driver", "MLP", name)
        assert text.format(*(limit.format(**measured) for limit in limits)) in page
    first = row("first_step", "16 MLPs", "warm cache")["seconds_per_unit"]
    assert f"runs {first:.1f} s after pressing Enter" in page


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_table_of_a_benchmark_is_measured(name):
    page = (ROOT / "docs" / "guides" / "benchmarks.md").read_text()
    assert f"\n## {name}\n" in page
    assert benchmark_table(BENCHMARKS[name]) in page


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_versions_on_the_pages_are_those_of_the_measurements(name):
    page, result = spaced((ROOT / "docs" / "guides" / "benchmarks.md").read_text()), BENCHMARKS[name]
    versions = result["environment"] | result["versions"]
    titles = {"torch": "PyTorch", "python": "Python", "equinox": "Equinox"}
    stated = {name: f"{titles.get(name, name)} {versions[name].split('+')[0]}" for name in VERSIONS if name in versions}
    assert all(text in page for text in stated.values())
    if {"torch", "scikit-learn"} <= stated.keys():  # some benchmarks measure jaxdl alone
        assert f"with {stated['jax']}, {stated['torch']} and {stated['scikit-learn']}" in spaced(README)
    assert result["environment"]["device"] == "2 × cpu (cpu)"
    assert "two CPU cores" in page
    assert "two CPU cores" in README


def test_the_table_of_claims_is_that_of_the_kept_results():
    page = (ROOT / "docs" / "guides" / "claims.md").read_text()
    table = page.split("<!-- claims: python -m experiments table -->\n")[1].split("<!-- claims end -->")[0]
    assert table == claims.markdown_table(ROOT / "experiments" / "results")


def test_the_kept_results_are_registered():
    lines = read_registrations(ROOT / "experiments" / "results" / "registrations.jsonl")
    for name, result in EXPERIMENTS.items():
        own = [line for line in lines if line.experiment == name]
        assert len(own) == result["registrations"]
        (line,) = [line for line in own if line.hash == result["registration"]]
        assert line.outcome == ", ".join(claim["verdict"] for claim in result["claims"])


@pytest.mark.parametrize("experiment", every_experiment().values(), ids=lambda each: each.name)
def test_the_kept_results_are_those_of_the_present_experiments(experiment):
    """Compare claims, rules, arms and seeds, which need no new measurement."""
    kept = EXPERIMENTS[experiment.name]
    expected = [(claim.says, claim.reading, claim.rule.describe(experiment.name_of)) for claim in experiment.claims]
    assert [(claim["says"], claim["reading"], claim["rule"]) for claim in kept["claims"]] == expected
    assert [panel["arms"] for panel in kept["panels"]] == [panel.arms for panel in experiment.panels]
    assert (kept["item"], kept["sentence"], kept["seeds"]) == (experiment.item, experiment.sentence, experiment.seeds)


def anchor(heading):
    """Return the anchor that Markdown gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert heading in map(anchor, headings), target


def test_readme_leads_to_every_page():
    assert all(f"({page.relative_to(ROOT)})" in README for page in PAGES[1:])


def test_readme_is_short():
    assert len(README.splitlines()) <= 120
    assert len(README.encode()) <= 7500


def test_every_experiment_and_benchmark_has_kept_results():
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__init__", "__main__"}
    assert {*EXPERIMENTS} == {*every_experiment()}
    assert {*BENCHMARKS} == modules


def test_ci_runs_the_tests_as_readme_says():
    assert "\nmake test" in README
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_the_lock_holds_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > 500
