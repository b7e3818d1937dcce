"""The API reference: a page for each public name, generated from the import tree, so that none can be forgotten."""

import ast
import inspect
import itertools
import os
import pathlib
import re
import shutil

import public
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
ROOT = pathlib.Path(__file__).parents[2]
WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
DOTTED = re.compile(r"\b(\w+\.\w+)\b")


def generate(app) -> None:
    """Write the pages of the reference."""
    folder = pathlib.Path(app.srcdir) / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if os.environ.get("JAXDL_PAGES"):
        return
    uses, taught = experiments_by_name(), pages_by_name(pathlib.Path(app.srcdir))
    documented = [each for each in public.symbols() if not _is_vjp(each)]
    for symbol in documented:
        _write(folder / f"{symbol.path}.rst", symbol_page(symbol, uses, taught))
    for package in public.packages():
        _write(
            folder / f"{package}.rst", package_page(package, [each for each in documented if each.package == package])
        )


def check_coverage(app, env) -> None:
    """Warn, which fails the build, if a public name has no page."""
    if os.environ.get("JAXDL_PAGES"):
        return
    objects = env.get_domain("py").objects
    for symbol in public.symbols():
        if symbol.path not in objects:
            LOGGER.warning("the public name %s has no page in the reference", symbol.path)


def symbol_page(symbol, uses, taught) -> str:
    """Return the page of a name: signature, docstring, derivation, and where it is used."""
    group = f" › {symbol.group}" if symbol.group.lower() not in ("", symbol.name.lower()) else ""
    lines = [":orphan:", f":package: {symbol.package}", ""]
    words = " ".join(WORD.findall(symbol.name)).lower()
    if " " in words:
        lines += [f".. index:: {words}", ""]  # so that the search for "batch norm" finds batch_norm
    lines += _title(symbol.name)
    lines += [f":doc:`{symbol.package} </api/{symbol.package}>`{group}", ""]
    if symbol.kind == "data":
        lines += [f".. py:data:: {symbol.path}", "", f"   {_value(symbol)}", ""]
    else:
        arguments = "(message)" if symbol.kind == "exception" else ""  # autodoc finds no signature of an exception
        lines += [f".. auto{symbol.kind}:: {symbol.path}{arguments}"]
        if symbol.kind == "class":
            lines += ["   :members:", f"   :exclude-members: {', '.join(_fields(symbol.thing))}"]
        lines.append("")
    vjp = f"{symbol.path}_vjp"
    if vjp in public.paths():
        lines += [*_title("Gradient", "-"), f".. autofunction:: {vjp}", ""]
    return "\n".join([*lines, *_where(symbol, uses, taught, vjp)])


def _fields(kind) -> list[str]:
    """Return the fields of a class, which its section Attributes describes."""
    return list(dict.fromkeys(name for each in kind.__mro__ for name in inspect.get_annotations(each)))


def _where(symbol, uses, taught, vjp) -> list[str]:
    """Return links to the proof, the chapters, the guides and the experiments."""
    links = []
    if vjp in public.paths():
        links.append(f"- Proof: :ref:`comparison of both gradients <proof-{symbol.name}>`")
    for label, folder in (("Course", "course/"), ("Guides", "guides/")):
        if names := [name for name in taught.get(symbol.path, ()) if name.startswith(folder)]:
            links.append(f"- {label}: " + ", ".join(f":doc:`/{name}`" for name in names))
    if names := uses.get(symbol.path):
        links.append("- Experiments: " + ", ".join(f":experiment:`{name}`" for name in names))
    return [*_title("See also", "-"), *links, ""] if links else []


def package_page(package, symbols) -> str:
    """Return the page of a package: its overview and tables of its names, divided by the files that define them."""
    lines = [f":package: {package}", "", *_title(package), f".. automodule:: {package}", "   :no-members:", ""]
    groups = _by_group(symbols)
    for group, members in groups:
        lines += [*(_title(group or "Names", "-") if len(groups) > 1 else []), *_table(members)]
    children = [f"/api/{name}" for name in public.packages() if package == "jaxdl" and name != package]
    return "\n".join([*lines, *(_toctree(children) if children else [])])


def _by_group(symbols):
    ordered = sorted(symbols, key=lambda each: each.group)
    return [(group, list(members)) for group, members in itertools.groupby(ordered, key=lambda each: each.group)]


def _table(symbols) -> list[str]:
    lines = [".. list-table::", "   :widths: 30 70", "   :class: names", ""]
    for each in symbols:
        lines += [f"   * - :doc:`{each.name} </api/{each.path}>`", f"     - {_summary(each)}"]
    return [*lines, ""]


def _summary(symbol) -> str:
    import docstrings

    if symbol.kind == "data":
        return _value(symbol)
    return docstrings.to_rst((inspect.getdoc(symbol.thing) or "").split("\n\n")[0].replace("\n", " "))


def _value(symbol) -> str:
    """Return the value of a constant or a type, on one line."""
    value = getattr(symbol.thing, "__value__", symbol.thing)  # of a type with a name
    text = f"{', '.join(value)}" if isinstance(value, dict) else str(value)
    text = re.sub(r"<function (\S+) at 0x\w+>", r"\1", text)
    return f"``{text if len(text) <= 300 else text[:300] + ' …'}``"


def _toctree(names) -> list[str]:
    return [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names), ""]


def _title(text, line="=") -> list[str]:
    return [text, line * len(text), ""]


def _is_vjp(symbol) -> bool:
    """Return whether the name is a gradient, which the page of its function shows."""
    return symbol.name.endswith("_vjp") and symbol.path.removesuffix("_vjp") in public.paths()


def _write(path, text) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def experiments_by_name() -> dict[str, list[str]]:
    """Return for each public name the experiments whose source uses it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "experiments" / "results").glob("*.json")):
        source = ROOT / "experiments" / f"{path.stem}.py"
        for name in _names_in(source.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(path.stem)
    return found


def pages_by_name(docs) -> dict[str, list[str]]:
    """Return for each public name the chapters and guides that mention it, such as "course/mlp"."""
    found: dict[str, list[str]] = {}
    for page in [page for folder in ("course", "guides") for page in sorted((docs / folder).glob("*.md"))]:
        name = f"{page.parent.name}/{page.stem}"
        for dotted in dict.fromkeys(DOTTED.findall(page.read_text(encoding="utf-8"))):
            if (path := public.paths().get(dotted)) and name not in found.setdefault(path, []):
                found[path].append(name)
    return found


def _names_in(source) -> set[str]:
    """Return the public names that Python code uses, as attributes or by import."""
    tree, names = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {public.paths()[name] for name in names if name in public.paths()}


def setup(app) -> dict:
    """Generate the pages before Sphinx looks for sources."""
    app.connect("builder-inited", generate)
    app.connect("env-check-consistency", check_coverage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
