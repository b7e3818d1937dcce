"""Training: a pure loop, populations of it, and the driver around them that goes on where it ended."""

from jaxdl.system.startup import use_all_cores as use_all_cores
from jaxdl.training.checkpoints.checkpoint import (
    Checkpoint as Checkpoint,
    DamagedError as DamagedError,
    Writer as Writer,
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from jaxdl.training.checkpoints.resume import Checkpoints as Checkpoints
from jaxdl.training.early_stopping import (
    Best as Best,
    better as better,
    highest as highest,
    lowest_loss as lowest_loss,
    nothing_yet as nothing_yet,
    out_of_patience as out_of_patience,
)
from jaxdl.training.fit import Fit as Fit, Progress as Progress, Seconds as Seconds, fit as fit
from jaxdl.training.population.population import population as population
from jaxdl.training.progress_bar import progress_bar as progress_bar
from jaxdl.training.scoring import in_batches as in_batches
from jaxdl.training.step import (
    History as History,
    State as State,
    Task as Task,
    resume as resume,
    start as start,
    train as train,
)
from jaxdl.training.supervised import (
    classification as classification,
    outputs_of as outputs_of,
    regression as regression,
    supervised as supervised,
)
