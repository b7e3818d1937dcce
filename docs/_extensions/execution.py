"""Execution of the pages: the start of each kernel, data sets that are absent, and how long each page took."""

import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import houses_table
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?P<body>.*?)^```\n", re.DOTALL | re.MULTILINE)
NEEDS = re.compile(r"^:tags: .*\bneeds-(?P<name>[a-z0-9-]+)", re.MULTILINE)
PACKAGES = ("torch",)
FAST_COMPILATION = "--xla_backend_optimization_level=0"  # pages compile more than they compute
TIMES = "execution_times.js"


def digest_of_sources(root: pathlib.Path) -> str:
    """Return a digest of the sources of jaxdl and its experiments: if it changes, all pages are executed again."""
    digest = hashlib.sha256()
    for folder in ("jaxdl", "experiments", "docs/_extensions"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare_kernel(app, config) -> None:
    """Copy the start-up file of the kernels to the build folder, where IPython may write beside it."""
    folder = pathlib.Path(app.outdir).parent / "ipython"
    shutil.copytree(pathlib.Path(app.srcdir) / "_kernel", folder, dirs_exist_ok=True)
    os.environ["IPYTHONDIR"] = str(folder)
    os.environ.setdefault("XLA_FLAGS", FAST_COMPILATION)
    os.environ.setdefault("JAXDL_DATA", _data_folder(app))


def prepare_files(app, config) -> None:
    """Write the table houses.csv, and train on it, in the folder in which the pages are executed."""
    folder = pathlib.Path(app.outdir).parent / "work"
    os.environ["JAXDL_WORK"] = str(folder)
    if (folder / "runs" / "houses" / "manifest.json").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    houses_table.write_tables(folder)
    shutil.rmtree(folder / "runs", ignore_errors=True)
    command = [sys.executable, "-m", "jaxdl", *houses_table.TRAINING.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _data_folder(app) -> str:
    return str(pathlib.Path(app.srcdir).parents[1] / "shared" / "data")


def is_available(name: str) -> bool:
    """Return whether a data set can be loaded on this machine."""
    from jaxdl import data

    if name in PACKAGES:
        return importlib.util.find_spec(name) is not None
    try:
        data.load(name.replace("-", "_"))
    except (OSError, ValueError):
        return False
    return True


def replace_absent(app, docname, source) -> None:
    """Replace the cells that need a data set which is absent by a note, on the page and in the log."""
    text = source[0]
    names = {match["name"] for cell in CELL.finditer(text) for match in NEEDS.finditer(cell["body"])}
    absent = {name for name in names if not is_available(name)}
    for name in sorted(absent):
        LOGGER.info("%s: cells that need %s are left out, because it is absent", docname, name)

    def replaced(cell):
        missing = [match["name"] for match in NEEDS.finditer(cell["body"]) if match["name"] in absent]
        return _note(missing[0]) if missing else cell[0]

    source[0] = CELL.sub(replaced, text)


def _note(name) -> str:
    return (
        f"```{{note}}\nThis part needs {name.replace('-', '_')}, which was absent when the site was built. "
        "Set the environment variable JAXDL_DATA to the folder of the data sets, or install the package.\n```\n"
    )


def add_time(app, pagename, templatename, context, doctree) -> None:
    """Let a page that was executed say how long that took; the number stands in a file of its own."""
    if pagename in getattr(app.env, "nb_metadata", {}) and "exec_data" in app.env.nb_metadata[pagename]:
        app.add_js_file(TIMES)
        context["body"] += f'<p class="execution-time" data-page="{pagename}"></p>'


def write_times(app, exception) -> None:
    """Write the times of all pages, and the script that shows them."""
    if exception or app.builder.format != "html":
        return
    seconds = {
        page: round(data["exec_data"]["runtime"], 1)
        for page, data in getattr(app.env, "nb_metadata", {}).items()
        if data.get("exec_data", {}).get("runtime") is not None
    }
    script = f"""const times = {json.dumps(seconds, sort_keys=True)};
addEventListener("DOMContentLoaded", () => {{
  for (const element of document.querySelectorAll(".execution-time")) {{
    const seconds = times[element.dataset.page];
    if (seconds) element.textContent = `The code of this page took ${{seconds}} s when the site was built.`;
  }}
}});
"""
    (pathlib.Path(app.outdir) / "_static" / TIMES).write_text(script, encoding="utf-8")


def setup(app) -> dict:
    """Connect the handlers."""
    app.add_config_value("sources_digest", "", "env")
    app.connect("config-inited", prepare_kernel)
    app.connect("config-inited", prepare_files)
    app.connect("source-read", replace_absent)
    app.connect("html-page-context", add_time)
    app.connect("build-finished", write_times)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
