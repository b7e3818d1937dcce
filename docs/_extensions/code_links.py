"""Inline code that names something public, such as `F.relu` or `training.fit`, links to its page."""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

import public


class CodeLinks(SphinxPostTransform):
    """Turn literals that name public objects into references; on a page of the API, names of its package too."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Replace the literals of one page."""
        context = self.env.metadata.get(self.env.docname, {}).get("package", "")
        own = self.env.docname.removeprefix("api/")
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference) or "xref" in literal.get("classes", ()):
                continue
            text = literal.astext().removesuffix("()")
            path = public.paths().get(text) or public.paths().get(f"{context}.{text}")
            if path is None or path == own:
                continue
            literal.replace_self(self._reference(path, literal))

    def _reference(self, path, literal):
        builder, docname = self.app.builder, f"api/{path.removesuffix('_vjp')}"
        uri = builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference("", "", literal.deepcopy(), internal=True, refuri=uri, reftitle=path)


def setup(app) -> dict:
    """Register the transform."""
    app.add_post_transform(CodeLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
