"""Train models: one at a time, or hundreds in one compiled program.

    model = models.mlp((64,), 10)
    task = training.Task(model, F.cross_entropy, optimizers.adam(1e-3), 32, {"accuracy": metrics.accuracy})
    state, history = training.train(task, split.train, jax.random.key(0), epochs=20)

- One model: `Task` holds model, loss, optimizer, batch size and metrics, or an objective of its own. `train` trains a
  model and is a pure, traceable function; `start` and `resume` are its parts. `State` is everything that the next step
  depends on, and `History` has one row per epoch.
- Populations: `fit` trains a model for each key in one program, with early stopping, progress and checkpoints, and
  returns a `Fit`. For a sweep it takes settings, which `grid` combines with keys as a `Grid`. `population` computes any
  function for many members (seeds, learning rates, bootstrap samples). `Layout` is the division of the members among
  devices, `use_all_cores` makes one device of each core, and `Seconds` are the times of a fit.
- Progress: `progress_bar` shows a `Progress` at each report of `fit`.
- Early stopping: the criteria `lowest_loss` and `highest` choose the `Best` epoch. `init_best`, `update_best` and
  `out_of_patience` are its parts, for loops of your own.
- Checkpoints: `Checkpoints` says where and how often `fit` saves. `save_checkpoint` and `load_checkpoint` write and
  read any tree as a `Checkpoint`, `CheckpointWriter` writes in the background, and `DamagedError` reports a file that
  is incomplete or was changed.
- Evaluation: `evaluate` measures the loss and metrics of a task on a data set. `outputs_of` computes the outputs of its
  model, `in_batches` applies any function to a part of the inputs at a time, and `objective_of` returns what a task
  minimizes.
"""

from jaxdl._names import offer_public_names
from jaxdl.system.startup import use_all_cores as use_all_cores
from jaxdl.training.checkpoints.checkpoint import (
    Checkpoint as Checkpoint,
    CheckpointWriter as CheckpointWriter,
    DamagedError as DamagedError,
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from jaxdl.training.checkpoints.resume import Checkpoints as Checkpoints
from jaxdl.training.early_stopping import (
    Best as Best,
    highest as highest,
    init_best as init_best,
    lowest_loss as lowest_loss,
    out_of_patience as out_of_patience,
    update_best as update_best,
)
from jaxdl.training.fit import Fit as Fit, Progress as Progress, Seconds as Seconds, fit as fit
from jaxdl.training.layout import Layout as Layout
from jaxdl.training.population.population import population as population
from jaxdl.training.progress_bar import progress_bar as progress_bar
from jaxdl.training.scoring import in_batches as in_batches
from jaxdl.training.step import start as start
from jaxdl.training.supervised import (
    evaluate as evaluate,
    objective_of as objective_of,
    outputs_of as outputs_of,
)
from jaxdl.training.sweep import Grid as Grid, grid as grid
from jaxdl.training.task import History as History, State as State, Task as Task
from jaxdl.training.train import resume as resume, train as train

__all__ = [
    "Best",
    "Checkpoint",
    "CheckpointWriter",
    "Checkpoints",
    "DamagedError",
    "Fit",
    "Grid",
    "History",
    "Layout",
    "Progress",
    "Seconds",
    "State",
    "Task",
    "evaluate",
    "fit",
    "grid",
    "highest",
    "in_batches",
    "init_best",
    "load_checkpoint",
    "lowest_loss",
    "objective_of",
    "out_of_patience",
    "outputs_of",
    "population",
    "progress_bar",
    "resume",
    "save_checkpoint",
    "start",
    "train",
    "update_best",
    "use_all_cores",
]

offer_public_names(__name__)
