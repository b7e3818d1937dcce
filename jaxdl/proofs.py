"""The table of proofs, for a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from jaxdl import derivation
from jaxdl.derivation import Proof
from jaxdl.settings import Check


def proof_table(proofs: Iterable[Proof]) -> Table:
    """A row a function: cases, the largest errors, and whether the derivation holds."""
    table = Table(
        title="Hand derivations against jax.vjp: largest error of a cotangent, relative", title_justify="left"
    )
    table.add_column("function")
    for heading in ("cases", "float64", "float32", "jax in float32"):
        table.add_column(heading, justify="right")
    table.add_column("", overflow="fold")
    for proof in proofs:
        errors = (f"{error:.1e}" for error in (proof.float64, proof.float32, proof.float32_of_jax))
        verdict = f"[red]{proof.fault}[/red]" if proof.fault else "[green]holds[/green]"
        table.add_row(proof.name, str(proof.cases), *errors, verdict)
    return table


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
    pairs = [pair for pair in derivation.derivations() if pair.name in names]
    forged = [(pair, change, wrong) for pair in pairs for change, wrong in derivation.forgeries(pair.f_vjp)]
    unnoticed = [
        f"{pair.name}: {change}"
        for pair, change, wrong in forged
        if not derivation.compare(pair._replace(f_vjp=wrong)).fault
    ]
    console.print(f"{len(forged) - len(unnoticed)} of {len(forged)} forgeries are caught.", highlight=False)
    for line in unnoticed:
        console.print(f"not caught: {line}", highlight=False, markup=False)
    return unnoticed
