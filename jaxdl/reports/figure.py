"""`figure` draws a result; the `Figure` that it returns displays itself in a notebook and is saved as a file."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.reports.page import run_charts
from jaxdl.reports.rendering import specification
from jaxdl.runs import files
from jaxdl.statistics import Interval, PairedComparison, Summary
from jaxdl.training import Fit, History

WRITERS = {".svg": "vegalite_to_svg", ".png": "vegalite_to_png", ".pdf": "vegalite_to_pdf"}  # of vl_convert


class Figure(NamedTuple):
    """A figure that displays itself in a notebook.

    Attributes:
        chart: The chart as Altair builds it, to change or combine.
    """

    chart: Any

    def __repr__(self) -> str:
        """Return the kind of chart on one line."""
        return f"Figure({type(self.chart).__name__})"

    def _repr_svg_(self) -> str:
        """Return the figure for a notebook."""
        return _extra().vegalite_to_svg(specification(self.chart))

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write the figure to a file.

        Args:
            path: The path of an .svg, .png or .pdf file.

        Returns:
            The path.

        Raises:
            TypeError: If it is not a path.
            ValueError: If the path has another suffix.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be the name of a file, such as 'curves.svg', got {format_argument(path)}.")
        path = pathlib.Path(path)
        if path.suffix.lower() not in WRITERS:
            raise ValueError(f"the name of a figure must end with {', '.join(WRITERS)}, got {path}.")
        content = getattr(_extra(), WRITERS[path.suffix.lower()])(specification(self.chart))
        files.write_bytes(path, content.encode() if isinstance(content, str) else content)
        return path


def figure(result: Any) -> Figure:
    """Draw a result of jaxdl.

    - A `training.Fit` or `History`: loss and observed values over the epochs, as the median over the members with the
      band from 5th to 95th percentile. A dashed line marks the median of the best epochs of a `Fit`. A dictionary of
      them by name: one row of charts for each.
    - A `statistics.Summary`, `PairedComparison` or `Interval`, or a dictionary of them by name: the means with their
      intervals.
    - A confusion matrix, as `metrics.confusion_matrix` returns it.
    - A pair of `experiment.results`: all seeds of all arms.
    - A run directory, as a path: learning curves, and confusion matrix or predictions; the figures of experiments.

    Args:
        result: The result.

    Returns:
        The figure. It displays itself in a notebook; `save` writes it to a file, and `chart` is the Altair chart.

    Raises:
        TypeError: If the result is of another type.
        ValueError: If it has nothing to draw.
        FileNotFoundError: If a path is not a run directory.
        ModuleNotFoundError: If the extra `report` is not installed.

    Example:
        >>> from jaxdl import reports, statistics
        >>> means = {"relu": statistics.summary([0.91, 0.93, 0.92]), "tanh": statistics.summary([0.90, 0.91, 0.92])}
        >>> reports.figure(means)
        Figure(LayerChart)
    """
    _extra()
    from jaxdl.reports import experiment_charts, result_charts  # altair is part of the extra

    match result:
        case Fit() | History():
            chart = result_charts.training_curves(result)
        case Summary() | Interval():
            chart = result_charts.intervals({"": result})
        case PairedComparison():
            chart = result_charts.intervals({"a − b": result})
        case Mapping() if result and all(
            isinstance(each, Summary | PairedComparison | Interval) for each in result.values()
        ):
            chart = result_charts.intervals(result)
        case Mapping() if result and all(isinstance(each, Fit | History) for each in result.values()):
            chart = _below_each_other([result_charts.training_curves(each, name) for name, each in result.items()])
        case {"panels": _}, Mapping():
            chart = experiment_charts.figure(*result)
        case str() | os.PathLike():
            chart = _run_chart(pathlib.Path(result))
        case _ if hasattr(result, "dtype") and result.ndim == 2:
            chart = result_charts.confusion_table(np.asarray(result))
        case _:
            raise TypeError(
                "figure draws a Fit, a History, a Summary, a PairedComparison, an Interval, a dictionary of them by "
                "name, a confusion matrix, a pair of experiment.results, or the path of a run directory, got "
                f"{type(result).__name__}."
            )
    return Figure(chart)


def _run_chart(directory) -> Any:
    """Draw all charts of a run directory, one below the other."""
    charts = list(run_charts(directory.expanduser()).values())
    if not charts:
        raise ValueError(f"{directory} has no result to draw: let the training finish an epoch first.")
    return _below_each_other(charts)


def _below_each_other(charts) -> Any:
    """Draw several charts, each with its own colors."""
    import altair as alt

    scales: dict[str, Any] = dict.fromkeys(("color", "shape", "strokeDash"), "independent")
    return charts[0] if len(charts) == 1 else alt.vconcat(*charts).resolve_scale(**scales)


def _extra() -> Any:
    """Return vl_convert, or raise an error that names the extra to install."""
    try:
        import altair  # noqa: F401
        import vl_convert
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cannot draw a figure: {error.name} is not installed. Install the extra `report` of jaxdl-lab."
        ) from error
    return vl_convert
