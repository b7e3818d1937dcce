"""The directive `proofs`: every hand-derived gradient compared with `jax.vjp` while the site is built."""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from jaxdl import derivation

LOGGER = logging.getLogger(__name__)
HEAD = ("function", "examples", "largest error in float64", "in float32", "result")


class Proofs(SphinxDirective):
    """Show a table with a row for each function; a gradient that is wrong fails the build."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Compare all gradients and return the table."""
        rows = [_row(*[nodes.strong(text=text) for text in HEAD])]
        for proof in derivation.prove():
            if proof.fault:
                LOGGER.warning("the gradient of %s is wrong: %s", proof.name, proof.fault, location=self.get_location())
            row = _row(
                nodes.literal(text=f"F.{proof.name}"),
                *map(_text, (str(len(proof.shapes)), f"{proof.float64:.1e}", f"{proof.float32:.1e}")),
                _text(proof.fault or "holds"),
            )
            target = f"proof-{proof.name}"
            row["ids"].append(target.replace("_", "-"))
            domain = self.env.get_domain("std")
            place = (self.env.docname, target.replace("_", "-"))
            domain.labels[target] = (*place, proof.name)
            domain.anonlabels[target] = place
            rows.append(row)
        return [_table(rows)]


def _text(text) -> nodes.Node:
    return nodes.inline(text=text)


def _row(*cells) -> nodes.Node:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def _table(rows) -> nodes.Node:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in HEAD), cols=len(HEAD))
    group += [nodes.thead("", rows[0]), nodes.tbody("", *rows[1:])]
    return nodes.table("", group, classes=["proofs"])


def setup(app) -> dict:
    """Register the directive."""
    app.add_directive("proofs", Proofs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
