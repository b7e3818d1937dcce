"""What settings name, as functions: the model, the loss, the rule and the changes that they describe."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import jaxdl.functional as F
from jaxdl import data, models, optimizers, schedules, training
from jaxdl.settings import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamL2,
    Adamw,
    Amsgrad,
    CenteredRmsprop,
    Lion,
    Momentum,
    Nadam,
    Nesterov,
    Radam,
    Rmsprop,
    Sgd,
    Train,
)

RULES: dict[type, Callable] = {
    Sgd: optimizers.sgd,
    Momentum: optimizers.momentum,
    Nesterov: optimizers.nesterov,
    Adagrad: optimizers.adagrad,
    Rmsprop: optimizers.rmsprop,
    CenteredRmsprop: optimizers.centered_rmsprop,
    Adadelta: optimizers.adadelta,
    Adam: optimizers.adam,
    AdamL2: optimizers.adam_l2,
    Adamw: optimizers.adamw,
    Adamax: optimizers.adamax,
    Nadam: optimizers.nadam,
    Radam: optimizers.radam,
    Amsgrad: optimizers.amsgrad,
    Lion: optimizers.lion,
}
LOSSES = {"squared": F.squared_error, "absolute": F.absolute_error, "huber": F.huber}
CHANGES = {
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
    "warmup_cosine": lambda rate, steps: schedules.warmup_cosine(rate, warmup=steps // 10, steps=steps),
    "one_cycle": schedules.one_cycle,
    "constant": lambda rate, steps: rate,  # noqa: ARG005
}
UNREADABLE = {"refuse": data.refuse_unreadable, "skip": data.skip_unreadable}
EPOCHS, BATCH_SIZE, STEPS = 30, 32, 900  # where none are set: so many, and no fewer steps
TARGETS = {"auto": data.as_they_look, "classification": data.as_classes, "regression": data.as_targets}


def validate(settings: Train) -> None:
    """Refuse, with ValueError, a number that is out of its range whatever the data; the name is the option's."""
    for name in ("seeds", "epochs", "batch_size", "microbatches", "patience"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, but was {value}.")
    for name, value in dataclasses.asdict(settings.optimizer).items():
        below = 1.0 if name in ("b1", "b2", "decay", "momentum", "dampening") else np.inf
        if not (0 <= value < below) or (name in ("learning_rate", "eps") and value == 0):
            least = "above 0" if name in ("learning_rate", "eps") else "at least 0"
            raise ValueError(f"{name} must be {least} and below {below}, but was {value}.")
    if not 0 <= settings.split_seed < 2**31:
        raise ValueError(f"split_seed must be from 0 to {2**31 - 1}, but was {settings.split_seed}.")
    if not settings.checkpoint_seconds >= 0:
        raise ValueError(f"checkpoint_seconds must be at least 0, but was {settings.checkpoint_seconds}.")
    if not 0 <= settings.mixup < np.inf:
        raise ValueError(f"mixup must be at least 0 and finite, but was {settings.mixup}.")
    if not 0 <= settings.label_noise < 1:
        raise ValueError(f"label_noise must be at least 0 and below 1, but was {settings.label_noise}.")
    if settings.image_size is not None and min(settings.image_size) < 1:
        raise ValueError(f"image_size must be two numbers of at least 1, but was {settings.image_size}.")
    _network(settings, 2, F)


class Duration(NamedTuple):
    """How long is trained: passes over the training part, and examples in a step."""

    epochs: int
    batch_size: int


def duration_of(settings: Train, examples: int) -> Duration:
    """What the settings say, or, where they leave it open, what so many training examples ask for."""
    batch_size = settings.batch_size or min(BATCH_SIZE, examples)
    epochs = settings.epochs or max(EPOCHS, math.ceil(STEPS / max(1, examples // batch_size)))
    return Duration(epochs, batch_size)


def model_of(settings: Train, prepared: data.Preparation, functional: Any = F) -> models.Model:
    """The network that the settings describe, for inputs and labels as they are prepared.

    Raises ValueError for a convnet, or changes of images, where the inputs are no images, and for too many filters.
    """
    if len(prepared.shape) != 3:
        for name, chosen in (("model convnet", settings.model == "convnet"), ("augment", bool(settings.augment))):
            if chosen:
                raise ValueError(
                    f"{name} must be used with images, but an example here has the shape {prepared.shape}."
                )
    elif settings.model == "convnet" and min(prepared.shape[:2]) >> len(settings.filters) == 0:
        height, width, _ = prepared.shape
        raise ValueError(
            f"filters must be at most {min(height, width).bit_length() - 1} for images of {height}×{width}, which each "
            f"halves, but are {len(settings.filters)}."
        )
    return _network(settings, outputs_of(prepared), functional)


def outputs_of(prepared: data.Preparation) -> int:
    """The number of classes, or of targets."""
    labels = prepared.labels
    return len(labels.names) if isinstance(labels, data.Classes) else labels.mean.size


def _network(settings, outputs, functional) -> models.Model:
    head = {"dropout_rate": settings.dropout_rate, "functional": functional}
    if settings.model == "convnet":
        return models.convnet(settings.filters, settings.hidden, outputs, **head)
    return models.mlp(settings.hidden, outputs, **head)


def task_of(settings: Train, prepared: data.Preparation, examples: int) -> training.Task:
    """The task that the settings describe, for so many examples to train on."""
    duration, rule = duration_of(settings, examples), dataclasses.asdict(settings.optimizer)
    steps = max(1, duration.epochs * (examples // duration.batch_size))
    rule["learning_rate"] = SCHEDULES[settings.schedule](settings.optimizer.learning_rate, steps=steps)
    optimizer = RULES[type(settings.optimizer)](**rule)
    model = model_of(settings, prepared)
    if settings.precision == "bfloat16":
        model = models.mixed_precision(model)
    objective = training.supervised(model, _loss(settings, prepared), augment=_changes(settings, prepared))
    transform = data.transform_of(prepared)
    return training.Task(model, objective, optimizer, duration.batch_size, settings.microbatches, transform)


def _loss(settings, prepared) -> Callable:
    if not isinstance(prepared.labels, data.Classes):
        return LOSSES[settings.loss]
    return F.soft_cross_entropy if settings.mixup else F.cross_entropy


def _changes(settings, prepared) -> Callable:
    """What happens to a batch before a step, in this order: its images, its labels, the two together."""
    classes = outputs_of(prepared) if isinstance(prepared.labels, data.Classes) else 0
    changes = []
    if settings.augment:
        changes.append(data.each_image(*(CHANGES[name] for name in settings.augment)))
    if settings.label_noise:
        if not classes:
            raise ValueError("label_noise must be 0 for a regression: it puts another class in the place of one.")
        changes.append(functools.partial(data.label_noise, rate=settings.label_noise, classes=classes))
    if settings.mixup:
        mix = functools.partial(data.mixup, classes=classes) if classes else data.mixup_targets
        changes.append(functools.partial(mix, alpha=settings.mixup))
    return data.chained(*changes)


def observe_of(settings: Train, prepared: data.Preparation, model: models.Model) -> Callable:
    """What is recorded after every epoch: the loss on dev, and the score."""
    if isinstance(prepared.labels, data.Classes):
        return training.classification(model)
    return training.regression(model, LOSSES[settings.loss])
