"""The docstring of a class documents its fields, so that `help` and a notebook's `?` show them."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
FILES = [path for folder in ("jaxdl", "experiments", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in FILES}
CLASSES = [
    (file, node)
    for file, text in TEXTS.items()
    if re.search(r"^ *class ", text, re.MULTILINE)
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.ClassDef)
]
BY_NAME = {node.name: node for _, node in CLASSES}  # to find base classes
SECTION = re.compile(r"^Attributes:\n((?:    .*\n|\n)*)", re.MULTILINE)
ENTRY = re.compile(r"^    (\w[\w,\s]*):\s*(\S.*(?:\n     .*)*)", re.MULTILINE)


def fields_of(node):
    """Return the annotated names of a class and of its base classes that do not begin with an underscore."""
    inherited = [BY_NAME[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in BY_NAME]
    own = {line.target.id for line in node.body if isinstance(line, ast.AnnAssign)}
    return {name for name in own if not name.startswith("_")}.union(*map(fields_of, inherited))


def descriptions_in(node):
    """Return the section Attributes as a dictionary. One entry may describe several fields, joined by commas."""
    section = SECTION.search(f"{ast.get_docstring(node)}\n")
    entries = ENTRY.findall(section[1]) if section else []
    return {name: text for names, text in entries for name in re.split(r",\s*", names)}


def strings_below_fields(node):
    for field, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
            yield ast.unparse(field.target)


def is_phrase(description):
    """Return whether a description lacks the capital letter (or code) or the period of a sentence."""
    return description[0].islower() or not description.endswith((".", ".)", "…"))


def faults_of(file, node):
    """Yield what is wrong with the documentation of the fields of one class.

    Classes that tyro turns into a command are written as `--help` prints them, in phrases.
    """
    described, fields = descriptions_in(node), fields_of(node)
    for name in strings_below_fields(node):
        yield f"{name} has a string below it, which help() does not show: move it to Attributes"
    if described or not node.name.startswith("_"):
        for name in sorted(fields - described.keys()):
            yield f"Attributes does not describe {name}"
    for name in sorted(described.keys() - fields) if fields else ():
        yield f"Attributes describes {name}, which is not a field"
    if "import tyro" not in TEXTS[file]:
        for name in filter(lambda name: is_phrase(described[name]), described):
            yield f"the description of {name} must begin with a capital letter or code and end with a period"


def test_the_docstring_of_a_class_documents_its_fields():
    assert sum(len(descriptions_in(node)) for _, node in CLASSES) > 500
    faults = [f"{file}: {node.name}: {fault}" for file, node in CLASSES for fault in faults_of(file, node)]
    assert not faults, "\n".join(faults)
