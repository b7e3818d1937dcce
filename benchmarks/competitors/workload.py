"""The training that all competitors do, and its data."""

from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.competitors.mnist import mnist_bytes
from jaxdl import data

MNIST_HIDDEN, DIGITS_HIDDEN, FILTERS = (256, 128), (64,), (16, 32)
CLASSES = 10


class Workload(NamedTuple):
    """A network and its training, the same for all competitors.

    Without filters, the network is an MLP with Glorot uniform weights (as in scikit-learn), trained with Adam. With
    filters, it is a convolutional network, trained with plain gradient descent: 3×3 convolutions, each followed by ReLU
    and 2×2 max-pooling, and a dense layer. Every network sees the examples in its own random order, in whole batches.
    Networks learn from `unit_scaled(inputs)`; a competitor may store images as uint8 or as float32.

    Attributes:
        inputs: Float32 or uint8; images have the shape (examples, height, width, channels).
        labels: Int32, shape (examples,).
        batch: Batch size; divides the number of examples.
        epochs: Number of epochs.
        learning_rate: Learning rate of Adam or of gradient descent.
        hidden: Units of the hidden layers.
        filters: Filters of the convolutions.
    """

    inputs: np.ndarray
    labels: np.ndarray
    batch: int
    epochs: int
    learning_rate: float
    hidden: tuple[int, ...]
    filters: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return len(self.labels) // self.batch

    def as_float32(self) -> "Workload":
        """Return the workload with float32 inputs."""
        return self._replace(inputs=unit_scaled(self.inputs).astype(np.float32))

    def by_dtype(self) -> dict[str, "Workload"]:
        """Return the workload for each dtype in which inputs may be stored: float32, and uint8 if they are uint8."""
        unchanged = {"uint8": self} if self.inputs.dtype == np.uint8 else {}
        return {"float32": self.as_float32(), **unchanged}


def unit_scaled(inputs: Any) -> Any:
    """Return uint8 inputs divided by 255, other inputs unchanged; for arrays of NumPy, jax or PyTorch."""
    return inputs / 255.0 if "uint8" in str(inputs.dtype) else inputs


def digits_mlp(*, epochs: int = 10, batch: int = 32, hidden: tuple[int, ...] = DIGITS_HIDDEN) -> Workload:
    """Return an MLP 64-64-10 on the training part of the digits, with batch size 32."""
    examples = data.standardized(data.stratified_split(jax.random.key(0), data.load_digits())).train
    inputs = np.array(examples.inputs, np.float32).reshape(examples.size, -1)
    return _whole_batches(Workload(inputs, np.array(examples.labels, np.int32), batch, epochs, 1e-3, hidden))


def mnist_mlp(*, steps: int | None = None, batch: int = 128, hidden: tuple[int, ...] = MNIST_HIDDEN) -> Workload:
    """Return an MLP 784-256-128-10 on MNIST with batch size 128: one epoch of all images, or of `steps` batches."""
    images, labels = mnist_bytes()[0]
    flat = images.reshape(len(images), -1)
    return _whole_batches(Workload(flat, labels, batch, 1, 1e-3, hidden), steps)


def mnist_convnet(*, steps: int, batch: int = 64, filters: tuple[int, ...] = FILTERS) -> Workload:
    """Return a network with 16 and 32 filters on MNIST with batch size 64: one epoch of `steps` batches."""
    images, labels = mnist_bytes()[0]
    return _whole_batches(Workload(images, labels, batch, 1, 0.05, (), filters), steps)


def _whole_batches(workload, steps=None) -> Workload:
    """Keep the first examples: `steps` batches, or as many whole batches as there are."""
    count = (workload.steps if steps is None else steps) * workload.batch
    return workload._replace(inputs=np.ascontiguousarray(workload.inputs[:count]), labels=workload.labels[:count])
