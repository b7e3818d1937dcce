"""Imports point down, one idea a file, and importing jaxdl changes nothing."""

import ast
import pathlib
import subprocess
import sys

import pytest

import jaxdl

ROOT = pathlib.Path(__file__).parents[2]
FLOORS = {
    0: {"functional"},
    1: {"derivation", "backpropagation", "initializers", "interruption", "startup", "storage"},
    2: {"optimizers", "schedules", "models", "data", "metrics"},
    3: {"training"},
    4: {"evaluation"},
    5: {
        *(
            "blackboard",
            "command_line",
            "experiment",
            "export",
            "launch",
            "panels",
            "plots",
            "prediction",
            "proofs",
            "pytorch_module",
            "quality",
            "recipe",
            "record",
            "report",
            "run",
            "settings",
            "statistics",
            "tables",
            "tensorboard",
            "trained",
            "trainer",
        ),
        *("templates", "__main__", "__init__"),
    },
}
FLOOR = {part: floor for floor, parts in FLOORS.items() for part in parts}
SOURCES = sorted((ROOT / "jaxdl").rglob("*.py"))
AROUND = [path for folder in ("experiments", "benchmarks", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def part(path):
    inside = path.relative_to(ROOT / "jaxdl").parts
    return inside[0].removesuffix(".py")


def imports(path):
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path):
    """The parts of jaxdl that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("jaxdl.")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    here = part(path)
    for there in own(path) - {here}:
        assert FLOOR[there] <= FLOOR[here]
        if FLOOR[here] == 2:
            assert FLOOR[there] < 2, "parts do not know each other"


def test_a_choice_of_types_is_written_with_a_bar():
    assert not [path for path in SOURCES if "Optional[" in path.read_text() or "Union[" in path.read_text()]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_models_know_flax(path):
    assert part(path) == "models" or not any(name.split(".")[0] == "flax" for name in imports(path))


def test_mathematics_needs_nothing_but_jax():
    allowed = {*sys.stdlib_module_names, "jax", "jaxtyping", "jaxdl"}
    for path in (ROOT / "jaxdl" / "functional").glob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} <= allowed
        assert own(path) <= {"functional"}


def test_the_library_knows_neither_its_experiments_nor_its_benchmarks_nor_its_tests():
    for path in SOURCES:
        assert not {"experiments", "benchmarks", "tests"} & {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", [*SOURCES, *AROUND], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea_and_a_function_is_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert path.stem not in ("utils", "helpers", "common", "misc")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.body[0].lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            assert lines <= 40, f"{node.name} has {lines} lines"


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_jaxdl_imports_no_jax():
    assert run("import sys, jaxdl, jaxdl.__main__; print('jax' in sys.modules)") == "False"


def test_importing_everything_changes_no_configuration():
    code = """
import jax
before = {name: getattr(jax.config, name, None) for name in jax.config.values}
import jaxdl
for name in jaxdl._MODULES: getattr(jaxdl, name)
print(before == {name: getattr(jax.config, name, None) for name in jax.config.values})
"""
    assert run(code) == "True"


def test_an_unknown_module_is_told():
    with pytest.raises(AttributeError, match=r"no attribute 'layers'; it has .*functional"):
        jaxdl.layers  # noqa: B018
