"""HTML pages and charts of a run directory. Needs the extra `report` (Altair, Jinja and vl-convert).

`page` writes the self-contained page, `training_charts` and `experiment_charts` draw its figures, `worked_examples`
writes backpropagation step by step, and `formatting` turns shapes and numbers into text.
"""

from jaxdl.reports.page import write_report as write_report

__all__ = ["write_report"]
