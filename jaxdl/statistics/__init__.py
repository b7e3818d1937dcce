"""Statistics of a few seeds: intervals, comparisons, predictions, and the number of seeds to run.

- **Intervals** of values, each an `Interval`: `mean_interval` (Student) and `mean_intervals` along an axis,
  `median_interval`, `sign_flip_interval`, `proportion_interval`. For skewed values `bootstrap_t_interval`; for display
  `bootstrap_interval`.
- **Results**: `summary` of one method returns a `Summary`, `compare` of two methods with the same seeds a
  `PairedComparison`.
- **Planning**: `seeds_needed` for an effect, `seeds_to_notice` for rare failures, and the power of an interval: `power`
  of a mean, `median_power` and `equivalence_power` of a median.
- **Predictions**: `conformal_radius`, the half-width of intervals that cover new labels.
"""

from jaxdl._names import offer_public_names
from jaxdl.statistics.bootstrap import (
    bootstrap_interval as bootstrap_interval,
    bootstrap_t_interval as bootstrap_t_interval,
)
from jaxdl.statistics.comparison import (
    PairedComparison as PairedComparison,
    Summary as Summary,
    compare as compare,
    summary as summary,
)
from jaxdl.statistics.intervals import (
    Interval as Interval,
    mean_interval as mean_interval,
    mean_intervals as mean_intervals,
    median_interval as median_interval,
    proportion_interval as proportion_interval,
    sign_flip_interval as sign_flip_interval,
)
from jaxdl.statistics.planning import (
    equivalence_power as equivalence_power,
    median_power as median_power,
    power as power,
    seeds_needed as seeds_needed,
    seeds_to_notice as seeds_to_notice,
)
from jaxdl.statistics.prediction import conformal_radius as conformal_radius

__all__ = [
    "Interval",
    "PairedComparison",
    "Summary",
    "bootstrap_interval",
    "bootstrap_t_interval",
    "compare",
    "conformal_radius",
    "equivalence_power",
    "mean_interval",
    "mean_intervals",
    "median_interval",
    "median_power",
    "power",
    "proportion_interval",
    "seeds_needed",
    "seeds_to_notice",
    "sign_flip_interval",
    "summary",
]

offer_public_names(__name__)
