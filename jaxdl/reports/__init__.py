"""HTML pages and charts of a run directory. Needs the extra `report` (Altair, Jinja and vl-convert).

`write_report` writes the page of a run and returns its path. The module `page` writes the self-contained page,
`training_charts` and `experiment_charts` draw its figures, and `worked_examples` writes backpropagation step by step.
"""

from jaxdl.reports.page import write_report as write_report

__all__ = ["write_report"]


def __dir__() -> list[str]:
    return [*__all__]
