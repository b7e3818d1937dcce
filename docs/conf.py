"""Configuration of the site: `make docs` builds it with Sphinx. No page needs a network."""

import importlib.metadata
import os
import pathlib
import sys

DOCS = pathlib.Path(__file__).parent
sys.path[:0] = [str(DOCS / "_extensions"), str(DOCS.parent)]

import execution

project = "jaxdl"
author = "The jaxdl authors"
copyright = "2026, the jaxdl authors; Apache-2.0"  # noqa: A001  the name that Sphinx reads
release = importlib.metadata.version("jaxdl-lab")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "mathematics",
    "docstrings",
    "reference",
    "code_links",
    "formulas",
    "proofs",
    "chapters",
    "verdicts",
    "claims_book",
    "execution",
    "charts",
]
exclude_patterns = ["_build", "_extensions", "_kernel"]
if only := os.environ.get("JAXDL_PAGES", "").split():  # a quick look at some pages, such as course/losses
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in path.parts]
    exclude_patterns += [page for page in pages if page.removesuffix(".md") not in {"index", *only}]
nitpicky = True
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them
python_maximum_signature_line_length = 88
toc_object_entries = False
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]  # charts are also in the output for Jupyter

# Pages are executed when Sphinx reads them. All failures are named; with -W each of them fails the build.
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_output_stderr = "remove-warn"
nb_ipywidgets_js = {}
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 1)]
sources_digest = execution.digest_of_sources(DOCS.parent)  # a change of the package rebuilds all pages

html_theme = "sphinx_book_theme"
html_title = "jaxdl"
html_math_renderer = "katex"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_search_summary = False  # summaries are fetched, which browsers forbid for local files
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_theme_options = {
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navigation_with_keys": False,
    "logo": {"text": "jaxdl"},
}
