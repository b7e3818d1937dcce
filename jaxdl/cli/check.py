"""The command `jaxdl check`: compare hand-written gradients with `jax.vjp`, those of jaxdl or of your own file."""

import importlib.machinery
import pathlib
import sys
import types
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

import jaxdl.functional
from jaxdl import derivation
from jaxdl._formatting import format_shape
from jaxdl.cli.console import print_line
from jaxdl.cli.settings import Check
from jaxdl.cli.tables import plain_table
from jaxdl.derivation import Proof

SHOWN = 3  # cases whose shapes the table lists


def check_command(settings: Check, console: Console) -> int:
    """Check the named functions; return 1 if a gradient is wrong or not checked, or a mutant not detected, else 0."""
    package, names = _package_and_names(settings.names)
    unchecked = {} if package is jaxdl.functional else _unchecked(package, names)
    every = names or sorted(pair.name for pair in derivation.vjp_pairs(package))
    checked = [name for name in every if name not in unchecked]
    proofs = list(derivation.prove(checked, package)) if checked else []
    if proofs:
        console.print(proof_table(proofs))
    for proof in proofs:
        for text in filter(None, (proof.fault, proof.note)):
            print_line(f"{proof.name}: {text}", console)
    for reason in unchecked.values():
        print_line(f"not checked: {reason}", console)
    failed = [proof.name for proof in proofs if proof.fault]
    if proofs:
        console.print(f"{len(proofs) - len(failed)} of {len(proofs)} derivations hold.", highlight=False)
    undetected = _undetected([proof.name for proof in proofs], package, console) if settings.mutants else []
    return 1 if failed or undetected or unchecked else 0


def _package_and_names(names) -> tuple[types.ModuleType, tuple[str, ...]]:
    """Return the module of the Python file among the names, or jaxdl.functional, and the names of functions."""
    files = [name for name in names if name.endswith(".py")]
    if not files:
        _check_no_path(names)
        return jaxdl.functional, names
    if len(files) > 1:
        raise ValueError(f"check takes one Python file, got {', '.join(files)}. Check one after another.")
    path = pathlib.Path(files[0]).expanduser()
    module = import_file(path)
    if not derivation.vjp_pairs(module):
        raise ValueError(f"{path} has no pair of functions f and f_vjp. Define the gradient of f as f_vjp(g, …) in it.")
    return module, tuple(name for name in names if name not in files)


def _check_no_path(names) -> None:
    """Raise ValueError if a name is a folder, or a file that is not a Python file."""
    for path in map(pathlib.Path, names):
        if path.is_dir() or path.suffix or len(path.parts) > 1:
            kind = "a folder" if path.is_dir() else "no Python file"
            raise ValueError(f"{path} is {kind}. Name a function, or a file that ends in .py.")
        if path.with_suffix(".py").is_file() and not hasattr(jaxdl.functional, path.name):
            raise ValueError(f"{path} is no function of jaxdl. For the file of this name write {path}.py.")


def _unchecked(package, names) -> dict[str, str]:
    """Return a sentence for each named function, or each of the package, that there are no examples to check on."""
    reasons = {}
    for pair in derivation.vjp_pairs(package):
        if names and pair.name not in names:
            continue
        try:
            derivation.examples(pair.f)
        except Exception as error:
            examples = f"{pair.name}_examples(random)"
            if hasattr(package, f"{pair.name}_examples"):
                reasons[pair.name] = f"{examples} raised {type(error).__name__}: {error}"
            else:
                reasons[pair.name] = f"{str(error).partition('. ')[0]}: give examples with {examples}"
    return reasons


def import_file(path: pathlib.Path) -> types.ModuleType:
    """Import a Python file from its path, so that it can import files beside it.

    Raises FileNotFoundError if there is no such file, and ValueError if it raises an exception.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}.")
    loader = importlib.machinery.SourceFileLoader(f"checked_{path.stem}", str(path.resolve()))
    module = types.ModuleType(loader.name)
    module.__file__ = loader.path
    sys.modules[loader.name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.resolve().parent))
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def proof_table(proofs: Iterable[Proof]) -> Table:
    """Return a table with a row for each function: shapes of all arguments, cases, largest errors, and result."""
    table = plain_table("Largest relative error of hand-written gradients, compared with jax.vjp")
    table.add_column("function", no_wrap=True)
    table.add_column("shapes tried", overflow="fold")
    for heading in ("cases", "float64", "float32"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for proof in proofs:
        errors = (f"{error:.1e}" for error in (proof.float64, proof.float32))
        result = "[red]wrong[/red]" if proof.fault else "[green]holds[/green]"
        table.add_row(proof.name, _shapes_of_all_arguments(proof.shapes), str(len(proof.shapes)), *errors, result)
    return table


def _shapes_of_all_arguments(shapes_of_cases) -> str:
    """List the shapes of all arguments for the first cases that differ in them, as "10×8, 8×6, 6; 1×8, 8×6, 6"."""
    cases = list(dict.fromkeys(", ".join(format_shape(s, "scalar") for s in shapes) for shapes in shapes_of_cases))
    return "; ".join([*cases[:SHOWN], *["…"] * (len(cases) > SHOWN)])


def _undetected(names, package, console) -> list[str]:
    """Make wrong versions of each gradient, and print those that the comparison does not detect."""
    pairs = [pair for pair in derivation.vjp_pairs(package) if pair.name in names]
    results = [(pair.name, *derivation.surviving_mutants(pair)) for pair in pairs]
    mutated = sum(number for _, number, _ in results)
    undetected = [f"{name}: {change}" for name, _, changes in results for change in changes]
    console.print(f"{mutated - len(undetected)} of {mutated} wrong gradients are detected.", highlight=False)
    for line in undetected:
        print_line(f"not detected: {line}", console)
    return undetected
