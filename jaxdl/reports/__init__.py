"""HTML pages, figures and charts. Needs the extra `report` (Altair, Jinja and vl-convert).

`figure` draws a result, such as the `Fit` of a training, a summary or a run directory, as a `Figure` that displays
itself in a notebook. `write_report` writes the page of a run directory and returns its path.

- Pages: `page` writes the self-contained pages, `book` the fragments of the book of claims, of which the documentation
  is made too, and `rendering` fills templates.
- Charts: `training_charts`, `result_charts` and `experiment_charts` draw them, with the `axes` that a phone can show.
- `worked_examples` writes backpropagation step by step.
"""

from jaxdl._names import offer_public_names
from jaxdl.reports.figure import Figure as Figure, figure as figure
from jaxdl.reports.page import write_report as write_report

__all__ = ["Figure", "figure", "write_report"]

offer_public_names(__name__)
