"""The command `jaxdl check`: compare every hand-written gradient with `jax.vjp`."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from jaxdl import derivation
from jaxdl._formatting import format_shapes
from jaxdl.cli.console import print_line
from jaxdl.cli.settings import Check
from jaxdl.cli.tables import plain_table
from jaxdl.derivation import Proof


def check_command(settings: Check, console: Console) -> int:
    """Check the named functions; return 1 if a gradient is wrong or a wrong version is not detected, else 0."""
    proofs = list(derivation.prove(settings.names))
    console.print(proof_table(proofs))
    failed = [proof.name for proof in proofs if proof.fault]
    console.print(f"{len(proofs) - len(failed)} of {len(proofs)} derivations hold.", highlight=False)
    undetected = _undetected([proof.name for proof in proofs], console) if settings.mutants else []
    return 1 if failed or undetected else 0


def proof_table(proofs: Iterable[Proof]) -> Table:
    """Return a table with a row for each function: shapes, cases, largest errors, and result."""
    table = plain_table("Largest relative error of hand-written gradients, compared with jax.vjp")
    table.add_column("function", no_wrap=True)
    table.add_column("shapes tried", overflow="fold")
    for heading in ("cases", "float64", "float32"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for proof in proofs:
        errors = (f"{error:.1e}" for error in (proof.float64, proof.float32))
        result = f"[red]{proof.fault}[/red]" if proof.fault else "[green]holds[/green]"
        table.add_row(proof.name, format_shapes(proof.shapes), str(len(proof.shapes)), *errors, result)
    return table


def _undetected(names, console) -> list[str]:
    """Make wrong versions of each gradient, and print those that the comparison does not detect."""
    pairs = [pair for pair in derivation.vjp_pairs() if pair.name in names]
    results = [(pair.name, *derivation.surviving_mutants(pair)) for pair in pairs]
    mutated = sum(number for _, number, _ in results)
    undetected = [f"{name}: {change}" for name, _, changes in results for change in changes]
    console.print(f"{mutated - len(undetected)} of {mutated} wrong gradients are detected.", highlight=False)
    for line in undetected:
        print_line(f"not detected: {line}", console)
    return undetected
