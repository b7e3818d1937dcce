"""Training: a pure loop, populations of it, and the driver around them."""

from jaxdl.training.evaluation import in_batches as in_batches
from jaxdl.training.fit import Cost as Cost, Fit as Fit, fit as fit
from jaxdl.training.loop import (
    History as History,
    State as State,
    Task as Task,
    resume as resume,
    start as start,
    train as train,
)
from jaxdl.training.population import population as population
from jaxdl.training.progress import progress_bar as progress_bar
from jaxdl.training.supervised import (
    classification as classification,
    outputs_of as outputs_of,
    regression as regression,
    supervised as supervised,
)
