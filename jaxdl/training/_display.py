"""Short texts for results of training: counts, ranges of values in the best epochs, advice for unknown attributes."""

from typing import Any

import numpy as np

from jaxdl._display import labeled, span
from jaxdl._names import suggest_attributes

TRAIN = "call training.train(task, data, key, epochs=10), or training.fit for several networks."
OF_OPTIMIZER = "it belongs to the optimizer, such as optimizers.adam(1e-3)."
EPOCHS = "pass epochs to training.train or training.fit."
IN_STATE = "a task has none; they are in the state that training.train and training.fit return."
MEASURE = "call training.evaluate(task, state, data)."
PREDICT = "call training.outputs_of(task, state, data)."
PARAMS = "write state.params for those of the last epoch, or best.params for those of the best."

task_attributes = suggest_attributes(
    {
        **dict.fromkeys(("train", "fit", "run"), TRAIN),
        **dict.fromkeys(("lr", "learning_rate", "rate"), OF_OPTIMIZER),
        **dict.fromkeys(("epochs", "steps"), EPOCHS),
        **dict.fromkeys(("params", "parameters", "weights", "state"), IN_STATE),
        **dict.fromkeys(("evaluate", "accuracy", "score"), MEASURE),
        **dict.fromkeys(("predict", "outputs", "apply"), PREDICT),
        "init": "call training.start(task, data, key).",
    }
)
state_attributes = suggest_attributes(
    {
        **dict.fromkeys(("loss", "losses", "history", "observed"), "training.train returns a pair: state, history."),
        **dict.fromkeys(("accuracy", "metrics", "evaluate", "score"), MEASURE),
        **dict.fromkeys(("predict", "outputs", "apply", "apply_fn"), PREDICT),
        **dict.fromkeys(("weights", "variables", "kernel", "bias"), "write params."),
        **dict.fromkeys(("opt_state", "optimizer", "opt"), "write optimizer_state."),
        **dict.fromkeys(("batch_stats", "batch_statistics"), "write stats."),
        "model": "the model is in the task.",
        "best_state": "take it from the result of training.fit.",
    }
)
history_attributes = suggest_attributes(
    dict.fromkeys(("val_loss", "dev_loss", "test_loss"), 'the loss on dev is observed["loss"].')
    | {"train_loss": "write loss.", "table": "it is a method of the result of training.fit."},
    otherwise='values on dev are in observed, such as observed["{name}"].',
)
fit_attributes = suggest_attributes(
    {
        **dict.fromkeys(("params", "parameters", "weights"), PARAMS),
        **dict.fromkeys(("loss", "losses", "train_loss"), "write history.loss, or table()."),
        **dict.fromkeys(("val_loss", "dev_loss"), 'write history.observed["loss"], or table().'),
        **dict.fromkeys(("observed", "metrics"), "write history.observed, or table()."),
        **dict.fromkeys(("evaluate", "score", "test"), "call training.evaluate(task, result.best_state, data)."),
        **dict.fromkeys(("predict", "outputs"), "call training.outputs_of(task, result.best_state, data)."),
        "stats": "write state.stats for those of the last epoch, or best.stats for those of the best.",
        "settings": "write state.settings, or table().",
        "member": "write state.member(number), or best_state.member(number).",
        "best_epoch": "write best.epoch.",
        "model": "the model is in the task.",
    },
    otherwise='values on dev are in history.observed, such as history.observed["{name}"], and in table().',
)


def fit_repr(fit: Any) -> str:
    """Return members, epochs, values in the best epochs and times of a Fit on one line."""
    return labeled(
        "Fit",
        _counted(len(fit.epochs), "member"),
        f"epochs {span(fit.epochs)}",
        f"best epoch {span(fit.best.epoch)} with {_values_at_best(fit)}",
        f"{np.count_nonzero(fit.diverged)} diverged",
        "interrupted" if fit.interrupted else "",
        f"{fit.seconds.compile:.1f} s to compile",
        f"{fit.seconds.run:.1f} s to train",
    )


def fit_html(fit: Any) -> str:
    """Return the table of a Fit for a notebook."""
    return fit.table()._repr_html_()


def progress_repr(progress: Any) -> str:
    """Return finished steps and epochs, and the number of active and diverged members, on one line."""
    return labeled(
        "Progress",
        f"step {progress.step} of {progress.steps}",
        f"epoch {progress.epoch}",
        f"{np.count_nonzero(progress.active)} of {_counted(len(progress.active), 'member')} active",
        f"{np.count_nonzero(progress.diverged)} diverged",
    )


def _values_at_best(fit) -> str:
    """Return the range of every observed number in the members' best epochs; without any, of the training loss."""
    suffix = "_at_best"
    columns = {name.removesuffix(suffix): column for name, column in fit.table().items() if name.endswith(suffix)}
    shown = {name: column for name, column in columns.items() if column.ndim == 1}
    train_loss = shown.pop("train_loss")
    texts = []
    for name, column in (shown or {"train_loss": train_loss}).items():
        finite = column[np.isfinite(column)]  # a member that diverges in its first epoch has no best
        texts.append(f"{name.replace('_', ' ')} {span(finite) if finite.size else 'nan'}")
    return ", ".join(texts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
