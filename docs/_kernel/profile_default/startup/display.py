"""Display of charts, figures and arrays on the pages of the site."""

import os

import altair as alt
import numpy as np
from IPython import get_ipython

from jaxdl.reports.rendering import chart_html

os.chdir(os.environ["JAXDL_WORK"])  # with the files that the pages name
np.set_printoptions(precision=4, suppress=True)


class _Chart:
    """A specification with the method that chart_html calls."""

    def __init__(self, specification):
        self.specification = specification

    def to_dict(self, **options):
        return self.specification


def _render(specification, **metadata):
    html = chart_html(_Chart(specification))
    return {"text/html": html, "application/vnd.vegalite.v6+json": specification}


alt.renderers.register("site", _render)
alt.renderers.enable("site")
get_ipython().display_formatter.formatters["text/html"].for_type_by_name(
    "jaxdl.reports.figure", "Figure", lambda figure: chart_html(figure.chart)
)
