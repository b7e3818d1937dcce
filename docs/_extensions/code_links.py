"""Names become links: inline code such as `F.relu` or `training.fit`, and the types in signatures."""

import importlib

import public
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

SUFFIXES = ("parquet", "jsonl", "json", "py")  # of files whose names begin like a module
LOGGER = logging.getLogger(__name__)


class CodeLinks(SphinxPostTransform):
    """Turn literals that name public objects into references; on a page of the API, names of its package too."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Replace the literals and the types of one page."""
        package = self.env.metadata.get(self.env.docname, {}).get("package", "")
        for signature in list(self.document.findall(addnodes.desc_signature)):
            for name in list(signature.findall(addnodes.pending_xref)):
                path = path_of(name["reftarget"].rpartition(".")[2], package)
                text = nodes.Text(name["reftarget"].rpartition(".")[2])
                name.replace_self(self._linked(path, [text]) if path else text)
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference | addnodes.pending_xref):
                continue
            text = literal.astext().removesuffix("()")
            path = public.paths().get(text) or public.paths().get(f"{package}.{text}")
            if path is not None and self._page(path) != self.env.docname:
                literal.replace_self(self._linked(path, [literal.deepcopy()]))
            elif path is None and is_broken(text):
                LOGGER.warning("jaxdl has no %s", text, location=literal)

    def _page(self, path) -> str:
        return f"api/{path.removesuffix('_vjp')}"

    def _linked(self, path, children) -> nodes.reference:
        uri = self.app.builder.get_relative_uri(self.env.docname, self._page(path))
        return nodes.reference("", "", *children, internal=True, refuri=uri, reftitle=path)


def path_of(name: str, package: str) -> str | None:
    """Return the full name of a public type: that of the package, or the only one of this name."""
    paths = public.paths()
    found = {path for path in paths.values() if path.rpartition(".")[2] == name}
    return paths.get(f"{package}.{name}") or (found.pop() if len(found) == 1 else None)


def is_broken(text: str) -> bool:
    """Return whether a text such as training.fitt names something that its package does not have."""
    first, _, rest = text.partition(".")
    package = "functional" if first == "F" else first
    if (
        not rest
        or rest in SUFFIXES
        or not all(map(str.isidentifier, text.split(".")))
        or f"jaxdl.{package}" not in public.packages()
    ):
        return False
    thing = importlib.import_module(f"jaxdl.{package}")
    for name in rest.split("."):
        if not hasattr(thing, name):
            return True
        thing = getattr(thing, name)
    return False


def setup(app) -> dict:
    """Register the transform."""
    app.add_post_transform(CodeLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
