"""The Markdown pages and their code blocks."""

import importlib.util
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
CELL = "{code-cell} ipython3"  # Python that the build of the site executes too
UNSPOKEN = (
    re.compile(r"\A---\n.*?^---$", re.MULTILINE | re.DOTALL),
    re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL),
    re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL),
    re.compile(r"(\{\w+\})?`[^`]+`", re.DOTALL),
    re.compile(r"\]\([^)]*\)"),
)
NEEDS_TORCH = ":tags: [needs-torch]"
FENCE = re.compile(r"^```(\w*|\{code-cell\} ipython3)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """Return the contents of all code blocks of a language."""
    return [code for name, code in FENCE.findall(page.read_text()) if name == language]


def prose_of(text: str) -> str:
    """Return the sentences of a page: without code, formulas, roles and addresses, everything at its position."""
    for pattern in UNSPOKEN:
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def python_of(page: pathlib.Path) -> str:
    """Return all Python of a page, each line at its original position, so that tracebacks show lines of the page.

    Cells that need PyTorch are left out where it is not installed, as the build of the site does.
    """
    lines, kept = page.read_text().split("\n"), []
    has_torch = importlib.util.find_spec("torch") is not None
    inside = False
    for number, line in enumerate(lines):
        if line in ("```python", f"```{CELL}"):
            inside = has_torch or lines[number + 1] != NEEDS_TORCH
        inside = inside and line != "```"
        kept.append(line if inside and not line.startswith(("```", ":tags:")) else "")
    return "\n".join(kept)
