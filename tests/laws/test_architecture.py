"""Imports follow one declared order of files, files and functions are short, importing jaxdl changes no setting."""

import ast
import functools
import pathlib
import subprocess
import sys

import pytest

import jaxdl

ROOT = pathlib.Path(__file__).parents[2]

# Every file of jaxdl in the order of its imports: a file imports only files that come before it, also within a line.
# `package: file file` lists the files of a package. Its `__init__` follows its last file.
ORDER = """
_types
_names
_printable
course
functional: _precision _types _validity _arguments _examples _windows _kernels sigmoids shrinkage convolutions
    recurrence softmaxes affine binary_classification classification contrastive divergences embedding gates margins
    noise normalization penalties per_example_normalization pooling projections ranking rectifiers reductions
    regression reshaping sequences smooth_rectifiers transposed_convolutions
system: keys schema storage interruption startup multihost
_formatting
_display
statistics: _arguments intervals bootstrap planning comparison prediction
derivation: discovery mutation relative_errors cotangents edge_cases unusual_arrays setting_variants solutions
derivation: comparison hand_gradients
initializers: fans distributions isometries scaled defaults
optimizers: _base adam adaptive clipping directions gradient_descent groups plateau proximal second_order sharpness
schedules
metrics
backpropagation: network operations reverse_pass paths cost descent formulas tracing expressions shapes proof
    architecture worked_examples
data: dataset _arguments splits synthetic augmentation mixing stream quality
data.readers: memory cells labels npz parquet tables images
data.catalog: downloads image_formats decode_cache digits originals tfds
data.preprocessing: weighted columns pixels standardization preparation serialization
data: loading
models: _validity receptive_field call_recorder summary model blocks norms precision reinitialize nnx mlp mlp_of_sizes
    linear convnet resnet recurrent multi_head pytorch_conversions pytorch
training: _display task sweep layout batching scoring argument_checks population_checks label_checks data_checks
    supervised early_stopping input_checks step unused_settings streaming train
training.checkpoints: serialization manifest checkpoint resume
training.population: member sharding layout_choice memory population runner in_memory streamed
training: fit progress_bar
runs: settings build examples files contents manifest directory residuals results data_report tensorboard load
    prediction predict_file pytorch_module export trainer
experiment: claim course columns estimands paired rules exact_rules combined_rules sentences checks origins bytecode
    resolution reached files_read measurement fingerprint deciding_code registration judgment conduct tuning question
reports: worked_examples training_charts axes experiment_charts result_charts templates rendering book page figure
cli: entry usage settings console tables launch report check shapes trace export predict train claims
__main__
"""
SOURCES = sorted((ROOT / "jaxdl").rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in SOURCES}
AROUND = [path for folder in ("experiments", "benchmarks", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


def declared_order():
    """Return the position of every module in the declared order."""
    modules = []
    lines = [line.partition(":") for line in ORDER.strip().replace("\n    ", " ").splitlines()]
    for number, (package, colon, names) in enumerate(lines):
        modules += [f"jaxdl.{package}.{name}" for name in names.split()] if colon else [f"jaxdl.{package}"]
        is_last = package not in [other for other, _, _ in lines[number + 1 :]]
        modules += [f"jaxdl.{package}"] * (bool(colon) and is_last)
    return {module: position for position, module in enumerate([*modules, "jaxdl"])}


RANKS = declared_order()


@functools.cache
def imports(path):
    """Return every module or name that a file imports, anywhere in it."""
    names = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            in_wheel = path.is_relative_to(ROOT / "experiments")  # under another name
            assert in_wheel or node.level == 0, f"imports are absolute, unlike one in {path}"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def packages(path):
    """Return the top-level packages that a file imports."""
    return {name.split(".")[0] for name in imports(path)}


def modules_of_jaxdl(path):
    """Yield the modules of jaxdl that a file imports."""
    for name in imports(path):
        if name.startswith("jaxdl."):
            yield name if name in MODULES else name.rpartition(".")[0]


def test_every_file_has_its_place_in_the_declared_order():
    assert set(MODULES) == set(RANKS)


def test_a_file_imports_only_files_below_it():
    edges = [(module, imported) for module in MODULES for imported in modules_of_jaxdl(MODULES[module])]
    assert not [(module, imported) for module, imported in edges if RANKS[imported] >= RANKS[module]]
    assert not [(module, imported) for module, imported in edges if module.startswith(f"{imported}.")], "own package"


def test_unions_are_written_with_a_bar():
    assert not [path for path in SOURCES if "Optional[" in path.read_text() or "Union[" in path.read_text()]


def test_only_models_imports_flax():
    models = ROOT / "jaxdl" / "models"
    assert not [path for path in SOURCES if "flax" in packages(path) and not path.is_relative_to(models)]


def test_functional_imports_only_jax_and_the_standard_library():
    """The one exception is the file that suggests names, which all packages share."""
    allowed = {*sys.stdlib_module_names, "jax", "jaxtyping", "typing_extensions", "jaxdl"}
    for path in (ROOT / "jaxdl" / "functional").glob("*.py"):
        assert packages(path) <= allowed
        within = ("jaxdl.functional", "jaxdl._names")
        assert all(module.startswith(within) for module in modules_of_jaxdl(path))


def writes_to_the_terminal(node):
    """Return whether a node of the syntax tree calls `print` or `x.print`, or names `sys.stdout` or `sys.stderr`."""
    if isinstance(node, ast.Call):
        return "print" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    return isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr")


def test_the_library_prints_nothing():
    """The command line prints, and so does the progress bar, which users ask for; all others return, raise or warn."""
    printing = {path for path in SOURCES if any(map(writes_to_the_terminal, ast.walk(tree_of(path))))}
    outside = {path.relative_to(ROOT / "jaxdl").as_posix() for path in printing if path.parent.name != "cli"}
    assert outside == {"__main__.py", "training/progress_bar.py"}


def test_the_library_imports_no_experiments_benchmarks_or_tests():
    assert not [path for path in SOURCES if {"experiments", "benchmarks", "tests"} & packages(path)]


def test_experiments_import_each_other_relatively():
    """A wheel carries them as jaxdl.course.experiments."""
    assert not [path for path in (ROOT / "experiments").glob("*.py") if "experiments" in packages(path)]


def docstring_lines(tree):
    """Return the number of lines in docstrings, including those of type aliases, which follow an assignment."""
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return sum(string.end_lineno - string.lineno + 1 for string in strings)


def code_lines(function):
    """Return the number of lines of a function's body without its docstring."""
    lines = function.end_lineno - function.body[0].lineno + 1
    documented = ast.get_docstring(function) is not None
    return lines - (function.body[0].end_lineno - function.body[0].lineno + 1 if documented else 0)


def functions_in(path):
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]


def test_files_are_short_and_their_names_say_what_they_hold():
    every = [*SOURCES, *AROUND]
    assert not [p for p in every if len(p.read_text().splitlines()) - docstring_lines(tree_of(p)) > 300]
    assert not [path for path in every if path.stem in ("utils", "helpers", "common", "misc")]


def test_functions_are_short():
    every = [(path, function) for path in (*SOURCES, *AROUND) for function in functions_in(path)]
    assert not [(str(path), function.name) for path, function in every if code_lines(function) > 40]


def mirrored(path):
    """Return the test file of a source file: tests/x/test_y.py for jaxdl/x/y.py."""
    inside = path.relative_to(ROOT / "jaxdl")
    return ROOT / "tests" / inside.parent / f"test_{inside.stem.strip('_')}.py"


def test_every_public_module_has_a_test_file_of_its_name():
    """Private modules are tested through the functions that use them, `__main__` by the commands it dispatches to."""
    public = [path for path in SOURCES if not path.stem.startswith("_")]
    assert not [mirrored(path) for path in public if not mirrored(path).is_file()]


def test_every_test_file_in_a_mirrored_folder_tests_a_module_of_its_name():
    """A second file about a module adds a word to its name: test_fit_interruption.py."""
    expected = {mirrored(path) for path in SOURCES}
    for path in (ROOT / "tests").rglob("test_*.py"):
        if path.parent in {test_file.parent for test_file in expected}:
            same_folder = [test_file.stem for test_file in expected if test_file.parent == path.parent]
            assert any(path.stem == stem or path.stem.startswith(f"{stem}_") for stem in same_folder), path


MANY_PARAMETERS = {"fit", "load", "convnet"}  # the signatures users call with keywords


def parameters_of(function):
    parameters = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [parameter.arg for parameter in parameters if parameter.arg != "self"]


def test_functions_have_at_most_eight_parameters():
    every = [(path, function) for path in SOURCES for function in functions_in(path)]
    long = [(str(path), function.name) for path, function in every if len(parameters_of(function)) > 8]
    assert not [(path, name) for path, name in long if name not in MANY_PARAMETERS]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_jaxdl_imports_no_jax():
    assert run("import sys, jaxdl, jaxdl.__main__; print('jax' in sys.modules)") == "False"


def test_importing_all_packages_changes_no_configuration():
    code = """
import jax
before = {name: getattr(jax.config, name, None) for name in jax.config.values}
import jaxdl
for name in jaxdl._MODULES: getattr(jaxdl, name)
print(before == {name: getattr(jax.config, name, None) for name in jax.config.values})
"""
    assert run(code) == "True"


def test_an_unknown_module_raises_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'layers'; it has .*functional"):
        jaxdl.layers  # noqa: B018
