"""Build the model, loss, optimizer, augmentation and task that the settings describe."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, schedules, training
from jaxdl.runs.settings import (
    MAX_LAYERS,
    MAX_UNITS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamL2,
    AdamW,
    AMSGrad,
    CenteredRMSProp,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    RAdam,
    RMSProp,
    Train,
)

OPTIMIZERS: dict[type, Callable] = {
    SGD: optimizers.sgd,
    Momentum: optimizers.momentum,
    Nesterov: optimizers.nesterov,
    Adagrad: optimizers.adagrad,
    RMSProp: optimizers.rmsprop,
    CenteredRMSProp: optimizers.centered_rmsprop,
    Adadelta: optimizers.adadelta,
    Adam: optimizers.adam,
    AdamL2: optimizers.adam_l2,
    AdamW: optimizers.adamw,
    Adamax: optimizers.adamax,
    NAdam: optimizers.nadam,
    RAdam: optimizers.radam,
    AMSGrad: optimizers.amsgrad,
    Lion: optimizers.lion,
}
LOSSES = {"squared": F.squared_error, "absolute": F.absolute_error, "huber": F.huber}
AUGMENTATIONS = {
    "shift": data.shift,
    "flip": data.flip,
    "crop": data.crop,
    "rotate": data.rotate,
    "scale": data.scale,
    "elastic": data.elastic,
    "cutout": data.cutout,
    "noise": data.noise,
}
SCHEDULES: dict[str, Callable] = {
    "cosine": schedules.cosine,
    "warmup_cosine": lambda peak, steps: schedules.warmup_cosine(peak, warmup=steps // 10, steps=steps),
    "one_cycle": schedules.one_cycle,
    "constant": lambda peak, steps: peak,  # noqa: ARG005
}
ON_UNREADABLE = {"refuse": data.refuse_unreadable, "skip": data.skip_unreadable}
DEFAULT_EPOCHS, DEFAULT_BATCH_SIZE = 30, 32
MIN_STEPS = 900  # the default number of epochs is larger if an epoch has few steps
READ_LABELS = {"auto": data.infer_labels, "classification": data.as_classes, "regression": data.as_targets}


def validate(settings: Train) -> None:
    """Raise ValueError for a number out of range, before any data is read; the message names the option."""
    for name in ("seeds", "epochs", "batch_size", "microbatches", "patience"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise ValueError(f"{_option(name)} must be at least 1, got {value}.")
    for name, value in dataclasses.asdict(settings.optimizer).items():
        below = 1.0 if name in ("b1", "b2", "decay", "momentum", "dampening") else np.inf
        if not (0 <= value < below) or (name in ("learning_rate", "eps") and value == 0):
            least = "above 0" if name in ("learning_rate", "eps") else "at least 0"
            most = f" and below {below:g}" if below < np.inf else " and finite"
            raise ValueError(f"{_option(name)} must be {least}{most}, got {value}.")
    if not 0 <= settings.split_seed < 2**31:
        raise ValueError(f"--split-seed must be between 0 and {2**31 - 1}, got {settings.split_seed}.")
    if settings.checkpoint_seconds is not None and not settings.checkpoint_seconds >= 0:
        raise ValueError(f"--checkpoint-seconds must be at least 0, got {settings.checkpoint_seconds}.")
    if not 0 <= settings.mixup < np.inf:
        raise ValueError(f"--mixup must be at least 0 and finite, got {settings.mixup}.")
    if not 0 <= settings.label_noise < 1:
        raise ValueError(f"--label-noise must be at least 0 and below 1, got {settings.label_noise}.")
    if settings.image_size is not None and min(settings.image_size) < 1:
        raise ValueError(f"--image-size must be two numbers of at least 1, got {settings.image_size}.")
    for name in ("hidden", "filters"):
        check_sizes(_option(name), getattr(settings, name))
    _network(settings, 2, F)  # raises if a size is out of range


def check_sizes(option: str, sizes: Sequence[int]) -> None:
    """Raise ValueError for more layers or larger ones than a network may have."""
    if len(sizes) > MAX_LAYERS:
        raise ValueError(f"{option} must name at most {MAX_LAYERS:,} layers, got {len(sizes):,}.")
    if max(sizes, default=0) > MAX_UNITS:
        raise ValueError(f"{option} must be at most {MAX_UNITS:,} for each layer, got {max(sizes):,}.")


def _option(name: str) -> str:
    """Return the command line's spelling of a setting."""
    return f"--{name.replace('_', '-')}"


class Duration(NamedTuple):
    """Length of the training.

    Attributes:
        epochs: Passes over the training part.
        batch_size: Examples per step.
    """

    epochs: int
    batch_size: int


def duration_of(settings: Train, examples: int) -> Duration:
    """Return epochs and batch size, with defaults that depend on the number of training examples."""
    batch_size = settings.batch_size or min(DEFAULT_BATCH_SIZE, examples)
    epochs = settings.epochs or max(DEFAULT_EPOCHS, math.ceil(MIN_STEPS / max(1, examples // batch_size)))
    return Duration(epochs, batch_size)


def build_model(settings: Train, preparation: data.Preparation, functional: Any = F) -> models.Model:
    """Return the network that the settings describe, for the inputs and labels of a preparation.

    Raises ValueError if a convnet or augmentation is requested for inputs that are not images, or if the images are too
    small for the number of filters.
    """
    if len(preparation.shape) != 3:
        for option, used in (("--model convnet", settings.model == "convnet"), ("--augment", bool(settings.augment))):
            if used:
                raise ValueError(
                    f"{option} needs images, but an example of this data has the shape {preparation.shape}."
                )
    elif settings.model == "convnet" and min(preparation.shape[:2]) >> len(settings.filters) == 0:
        height, width, _ = preparation.shape
        raise ValueError(
            f"--filters must name at most {min(height, width).bit_length() - 1} convolutions for images of "
            f"{height}×{width}, because each is followed by a pooling that halves them; got {len(settings.filters)}."
        )
    return _network(settings, preparation.outputs, functional)


def _network(settings, outputs, functional) -> models.Model:
    head = {"dropout_rate": settings.dropout_rate, "functional": functional}
    if settings.model == "convnet":
        return models.convnet(settings.filters, settings.hidden, outputs, **head)
    return models.mlp(settings.hidden, outputs, **head)


def build_task(settings: Train, preparation: data.Preparation, examples: int) -> training.Task:
    """Return the task that the settings describe, for this number of training examples."""
    duration, hyperparameters = duration_of(settings, examples), dataclasses.asdict(settings.optimizer)
    steps = max(1, duration.epochs * (examples // duration.batch_size))
    hyperparameters["learning_rate"] = SCHEDULES[settings.schedule](settings.optimizer.learning_rate, steps=steps)
    optimizer = OPTIMIZERS[type(settings.optimizer)](**hyperparameters)
    model = build_model(settings, preparation)
    if settings.precision == "bfloat16":
        model = models.mixed_precision(model)
    return training.Task(
        model,
        _loss(settings, preparation, mixed=settings.mixup > 0),
        optimizer,
        duration.batch_size,
        augment=_augmentation(settings, preparation),
        microbatches=settings.microbatches,
        transform=data.transform_of(preparation),
    )


def _loss(settings, preparation, *, mixed) -> Callable:
    if not isinstance(preparation.labels, data.Classes):
        return LOSSES[settings.loss]
    return F.soft_cross_entropy if mixed else F.cross_entropy


def _augmentation(settings, preparation) -> Callable:
    """Return the function applied to a batch before a step: image augmentation, then label noise, then mixup."""
    classes = preparation.outputs if isinstance(preparation.labels, data.Classes) else 0
    steps = []
    if settings.augment:
        steps.append(data.each_image(*(AUGMENTATIONS[name] for name in settings.augment)))
    if settings.label_noise:
        if not classes:
            raise ValueError("--label-noise needs classes, but this is a regression: leave it out.")
        steps.append(functools.partial(data.label_noise, rate=settings.label_noise, classes=classes))
    if settings.mixup:
        mix = functools.partial(data.mixup, classes=classes) if classes else data.mixup_targets
        steps.append(functools.partial(mix, alpha=settings.mixup))
    return data.chained(*steps)


def build_evaluation(settings: Train, preparation: data.Preparation, task: training.Task) -> training.Task:
    """Return the task to evaluate on dev: in float32, with the loss of labels that are not mixed, and with a score."""
    classes = isinstance(preparation.labels, data.Classes)
    return task._replace(
        model=build_model(settings, preparation),
        loss=_loss(settings, preparation, mixed=False),
        metrics={"accuracy": metrics.accuracy} if classes else {"r_squared": metrics.r_squared},
    )
