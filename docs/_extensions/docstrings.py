"""Docstrings and signatures as jaxdl writes them (`$formula$`, `` `name` ``, Google sections), for autodoc."""

import ast
import inspect
import re
import textwrap

from sphinx.domains.python import PyObject

DISPLAY = re.compile(r"^( *)\$\$\n(.*?)\n *\$\$ *$", re.DOTALL | re.MULTILINE)
FORMULA = r"(?<![\\$`])\$(?P<formula>[^$`]+?)\$"
MARKUP = re.compile(
    FORMULA + r"|(?<!`)`(?P<name>[^`]+)`(?!`)|(?<=[(\s])(?P<star>\*)(?=[a-z_]+[\s,)])",
    re.DOTALL,
)
SEVERAL = re.compile(r"^    (\w+(?:, \w+)+): (.*)$")  # attributes that share a description
RESULT = re.compile(r"^(Returns|Yields):$")
CODE = re.compile(r"^ *(>>>|\.\.\.) ")


def to_rst(text: str) -> str:
    """Return the text of a docstring as reStructuredText, with formulas as `:math:` and names as literals."""
    text = DISPLAY.sub(lambda match: _display(match[1], match[2]), text)
    parts = re.split(r"(^ *\.\. math::\n\n(?:(?: +.*)?\n)+)", text, flags=re.MULTILINE)
    return "".join(part if ".. math::" in part else _inline(part) for part in parts)


def _display(indent, formula) -> str:
    lines = textwrap.indent(textwrap.dedent(formula), f"{indent}   ")
    return f"{indent}.. math::\n\n{lines}\n"


def _inline(text) -> str:
    """Convert the formulas and names of all lines but those of examples."""
    lines, examples = text.split("\n"), {}
    inside = False
    for number, line in enumerate(lines):
        inside = bool(CODE.match(line)) or (inside and bool(line.strip()))
        if inside:
            examples[number] = line
            lines[number] = f"\0{number}\0"
    text = "\n".join(lines)
    text = MARKUP.sub(_markup, text)
    return re.sub(r"\0(\d+)\0", lambda match: examples[int(match[1])], text)


def _one_line(text) -> str:
    return re.sub(r"\s+", " ", text.strip())


def _markup(match) -> str:
    """Return a formula or a name as a role that does not touch the letters around it; a star is escaped."""
    if match["star"]:
        return "\\*"
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    role = f":math:`{_one_line(match['formula'])}`" if match["formula"] else f"``{_one_line(match['name'])}``"
    return ("\\ " if before.isalnum() else "") + role + ("\\ " if after.isalnum() else "")


def convert(app, what, name, obj, options, lines) -> None:
    """Convert a docstring before napoleon reads it."""
    lines[:] = to_rst("\n".join(_results(_blocks(lines) if what == "module" else lines))).split("\n")


def restore(app, what, name, obj, options, lines) -> None:
    """Undo what napoleon did to a property: it takes the text before a colon for a type."""
    if what in ("property", "attribute") and obj is not None:
        lines[:] = to_rst(inspect.getdoc(obj) or "").split("\n")


def _blocks(lines) -> list[str]:
    """Separate lists from the text before them, and mark indented code, in the overview of a module."""
    written, section = [], False
    for before, line in zip(["", *lines], lines, strict=False):
        if before and not line.startswith(" ") and line.startswith("- ") and not before.startswith(("- ", "  ")):
            written.append("")
        section = line == "Example:" or (section and (not line or line.startswith(" ")))
        if line.startswith("    ") and not before and not section:
            written += [".. code-block:: python", ""]
        written.append(line)
    return written


def _results(lines) -> list[str]:
    """Write the sections Returns and Yields as fields: napoleon would take a formula before a colon for a type."""
    written, field = [], ""
    for line in _separated(lines):
        if match := RESULT.match(line):
            field, first = {"Returns": "returns", "Yields": "yields"}[match[1]], True
            continue
        if field and line and not line.startswith(" "):
            field = ""
        if field and line.strip():
            written.append(f":{field}: {line.strip()}" if first else line)
            first = False
        else:
            written.append(line)
    return written


def _separated(lines) -> list[str]:
    """Write each of several attributes that share a description on lines of its own."""
    written, names = [], []
    for line in lines:
        if match := SEVERAL.match(line):
            names, text = match[1].split(", "), [match[2]]
        elif names and line.startswith("        "):
            text.append(line.strip())
        else:
            written += [f"    {name}: {' '.join(text)}" for name in names] + [line]
            names = []
    return written + [f"    {name}: {' '.join(text)}" for name in names]


def signature(app, what, name, obj, options, signature, return_annotation):
    """Return the signature as the source states it."""
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(obj)))).body[0]
    except (OSError, TypeError, SyntaxError, IndentationError):
        return signature, return_annotation
    match node:
        case ast.FunctionDef():
            return _arguments(node, method=what == "method"), ast.unparse(node.returns) if node.returns else None
        case ast.ClassDef():
            inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            if inits:
                return _arguments(inits[0], method=True), None
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            return (f"({', '.join(map(_field, fields))})" if fields else ""), None
    return signature, return_annotation


def _arguments(node, method) -> str:
    arguments = node.args
    static = any(getattr(each, "id", "") == "staticmethod" for each in node.decorator_list)
    if method and not static and arguments.args:
        arguments.args = arguments.args[1:]
    return f"({ast.unparse(arguments)})"


def _field(node) -> str:
    value = "" if node.value is None else f" = {ast.unparse(node.value)}"
    return f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}{value}"


def setup(app) -> dict:
    """Connect the handlers; names of attributes do not look for pages of their own."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.rolename, field.label = "", "Attributes"
    app.connect("autodoc-process-docstring", convert, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", restore, priority=600)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
