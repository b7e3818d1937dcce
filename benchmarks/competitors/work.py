"""What is trained, the same for all competitors, and the data that it is trained on."""

from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.mnist import mnist_bytes
from jaxdl import data

MNIST_MLP, DIGITS_MLP, FILTERS = (256, 128), (64,), (16, 32)
CLASSES = 10


class Work(NamedTuple):
    """Networks on examples, for so many epochs of batches in an order of their own.

    Without filters it is an MLP trained with Adam, with weights drawn by Glorot's uniform rule, as scikit-learn draws
    them; with filters, a convolutional network of 3×3 convolutions, each followed by ReLU and 2×2 max-pooling, and a
    dense layer, trained with plain gradient descent. All examples fill whole batches. Images came as bytes, whose
    `numbers` are learnt from: each competitor may keep them as either.
    """

    inputs: np.ndarray  # float32 or bytes; images as (examples, height, width, channels)
    labels: np.ndarray  # int32
    batch: int
    epochs: int
    rate: float
    hidden: tuple[int, ...]
    filters: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """In an epoch."""
        return len(self.labels) // self.batch

    def as_float32(self) -> "Work":
        """With the numbers for the bytes."""
        return self._replace(inputs=numbers(self.inputs).astype(np.float32))

    def kept(self) -> dict[str, "Work"]:
        """How the inputs may be kept: of bytes as these, too."""
        bytes_too = {"bytes": self} if self.inputs.dtype == np.uint8 else {}
        return {"float32": self.as_float32(), **bytes_too}


def numbers(inputs: Any) -> Any:
    """Of bytes these / 255, else the inputs themselves; of arrays of numpy, jax or PyTorch."""
    return inputs / 255.0 if "uint8" in str(inputs.dtype) else inputs


def digits_mlp(*, epochs: int = 10, batch: int = 32, hidden: tuple[int, ...] = DIGITS_MLP) -> Work:
    """64-64-10 on the training part of the digits, in batches of 32."""
    examples = data.standardized(data.stratified_split(jax.random.key(0), data.load_digits())).train
    inputs = np.array(examples.inputs, np.float32).reshape(examples.size, -1)
    return _whole_batches(Work(inputs, np.array(examples.labels, np.int32), batch, epochs, 1e-3, hidden))


def mnist_mlp(*, steps: int | None = None, batch: int = 128, hidden: tuple[int, ...] = MNIST_MLP) -> Work:
    """784-256-128-10 on the images of MNIST, in batches of 128: an epoch of all, or of so many steps."""
    images, labels = mnist_bytes()[0]
    work = Work(images.reshape(len(images), -1), labels, batch, 1, 1e-3, hidden)
    return _whole_batches(work, steps)


def mnist_convnet(*, steps: int, batch: int = 64, filters: tuple[int, ...] = FILTERS) -> Work:
    """16 and 32 filters on images of MNIST, in batches of 64: one epoch of as many images as so many steps take."""
    images, labels = mnist_bytes()[0]
    return _whole_batches(Work(images, labels, batch, 1, 0.05, (), filters), steps)


def _whole_batches(work, steps=None) -> Work:
    """The first examples, which fill so many batches, or as many as there are."""
    count = (work.steps if steps is None else steps) * work.batch
    return work._replace(inputs=np.ascontiguousarray(work.inputs[:count]), labels=work.labels[:count])
