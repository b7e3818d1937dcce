"""The table of proofs, for a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from jaxdl import derivation
from jaxdl.derivation import Proof
from jaxdl.settings import Check
from jaxdl.tables import plain_table, sizes


def proof_table(proofs: Iterable[Proof]) -> Table:
    """A row a function: shapes, cases, the largest errors, and whether the derivation holds."""
    table = plain_table("Hand derivations against jax.vjp: largest error of a cotangent, relative")
    table.add_column("function", no_wrap=True)
    table.add_column("shapes tried", overflow="fold")
    for heading in ("cases", "float64", "float32"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for proof in proofs:
        errors = (f"{error:.1e}" for error in (proof.float64, proof.float32))
        verdict = f"[red]{proof.fault}[/red]" if proof.fault else "[green]holds[/green]"
        table.add_row(proof.name, shapes_tried(proof.shapes), str(len(proof.shapes)), *errors, verdict)
    return table


def shapes_tried(shapes_of_cases: Iterable) -> str:
    """The different shapes of the first argument that has any axes, as 10×9."""
    shown = (next(filter(None, shapes), ()) for shapes in shapes_of_cases)
    return ", ".join(dict.fromkeys(sizes(shape) or "scalar" for shape in shown))


def check_command(settings: Check, console: Console) -> int:
    """Prove what was asked for; 1 where a derivation fails or a forgery goes unnoticed."""
    proofs = list(derivation.prove(settings.names))
    console.print(proof_table(proofs))
    failed = [proof.name for proof in proofs if proof.fault]
    console.print(f"{len(proofs) - len(failed)} of {len(proofs)} derivations hold.", highlight=False)
    unnoticed = _unnoticed([proof.name for proof in proofs], console) if settings.forgeries else []
    return 1 if failed or unnoticed else 0


def _unnoticed(names, console) -> list[str]:
    """Forge each derivation, and tell which forgeries the comparison did not notice."""
    pairs = [pair for pair in derivation.vjp_pairs() if pair.name in names]
    found = [(pair.name, *derivation.surviving_mutants(pair)) for pair in pairs]
    forged = sum(number for _, number, _ in found)
    unnoticed = [f"{name}: {change}" for name, _, changes in found for change in changes]
    console.print(f"{forged - len(unnoticed)} of {forged} forgeries are caught.", highlight=False)
    for line in unnoticed:
        console.print(f"not caught: {line}", highlight=False, markup=False)
    return unnoticed
