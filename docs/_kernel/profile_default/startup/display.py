"""Display of charts, figures and arrays on the pages of the site."""

import json

import altair as alt
import numpy as np
from IPython import get_ipython

np.set_printoptions(precision=4, suppress=True)


def chart_html(specification):
    """Return the element that charts.js draws."""
    text = json.dumps(specification).replace("<", "\\u003c")
    return f'<div class="jaxdl-chart"><script type="application/json">{text}</script></div>'


def _render(specification, **metadata):
    return {"text/html": chart_html(specification), "application/vnd.vegalite.v6+json": specification}


alt.renderers.register("site", _render)
alt.renderers.enable("site")
get_ipython().display_formatter.formatters["text/html"].for_type_by_name(
    "jaxdl.reports.figure", "Figure", lambda figure: chart_html(figure.chart.to_dict())
)
