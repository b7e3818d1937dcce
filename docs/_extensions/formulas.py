"""The directive `formula`: a function of jaxdl with its definition, code, derivation and hand-derived gradient."""

import ast
import inspect
import textwrap

import public
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from jaxdl import derivation

SECTIONS = ("Args:", "Returns:", "Yields:", "Raises:", "References:", "Example:", "Attributes:")


def code_of(function) -> str:
    """Return the source of a function without its docstring, which the page typesets."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    body = ast.parse(source).body[0].body
    lines = source.splitlines()
    if ast.get_docstring(ast.parse(source).body[0]) is not None:
        del lines[body[0].lineno - 1 : body[0].end_lineno]
    return "\n".join(lines)


def text_of(function) -> str:
    """Return the docstring up to its sections: summary, formula, remarks."""
    lines = (inspect.getdoc(function) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if line in SECTIONS), len(lines))
    return "\n".join(lines[:end]).strip()


class Formula(SphinxDirective):
    """Show `f` and `f_vjp` of the argument, such as `F.softmax`, from their source."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return the definition, the code, the derivation and the gradient."""
        path = public.paths().get(self.arguments[0])
        if path is None:
            raise self.error(f"unknown function {self.arguments[0]!r}. Write it as F.softmax or optimizers.adam.")
        symbol = next(each for each in public.symbols() if each.path == path)
        self._depend_on(symbol.thing)
        shown = [*self._text(text_of(symbol.thing)), self._code(symbol.thing)]
        pairs = [pair for pair in derivation.vjp_pairs() if pair.f is symbol.thing]
        for pair in pairs:
            shown += [_heading("Derivation"), *self._text(text_of(pair.f_vjp)), self._code(pair.f_vjp)]
        link = self.parse_text_to_nodes(f"Reference: `{self.arguments[0]}`{self._proof(symbol) if pairs else ''}")
        box = nodes.container("", *shown, *link, classes=["formula"])
        return [box]

    def _proof(self, symbol) -> str:
        return f" · {{ref}}`proof of the gradient <proof-{symbol.name}>`"

    def _text(self, text) -> list[nodes.Node]:
        return self.parse_text_to_nodes(text)

    def _code(self, function) -> nodes.Node:
        block = nodes.literal_block(code_of(function), code_of(function), language="python")
        self.set_source_info(block)
        return block

    def _depend_on(self, thing) -> None:
        self.env.note_dependency(inspect.getsourcefile(inspect.unwrap(thing)))


def _heading(text) -> nodes.Node:
    return nodes.paragraph("", "", nodes.strong(text=text), classes=["formula-heading"])


def setup(app) -> dict:
    """Register the directive."""
    app.add_directive("formula", Formula)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
