"""What the commands can be told; frozen, plain, and free of jax, so that `--help` answers at once."""

import pathlib
from dataclasses import dataclass, field
from typing import Literal

import tyro


@dataclass(frozen=True)
class Sgd:
    """Gradient descent on batches."""

    learning_rate: float = 0.1


@dataclass(frozen=True)
class Momentum:
    """Heavy ball."""

    learning_rate: float = 0.05
    decay: float = 0.9
    dampening: float = 0.0


@dataclass(frozen=True)
class Nesterov:
    """Momentum that looks one step ahead."""

    learning_rate: float = 0.05
    decay: float = 0.9


@dataclass(frozen=True)
class Adagrad:
    """A rate for each parameter, by all its gradients so far."""

    learning_rate: float = 0.01
    eps: float = 1e-10


@dataclass(frozen=True)
class Rmsprop:
    """A rate for each parameter, by its last gradients."""

    learning_rate: float = 1e-3
    decay: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0


@dataclass(frozen=True)
class CenteredRmsprop(Rmsprop):
    """RMSProp by the standard deviation of the last gradients."""


@dataclass(frozen=True)
class Adadelta:
    """Steps in the unit of the parameter."""

    learning_rate: float = 1.0
    decay: float = 0.9
    eps: float = 1e-6


@dataclass(frozen=True)
class Adam:
    """Adaptive moments."""

    learning_rate: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8


@dataclass(frozen=True)
class AdamL2(Adam):
    """Adam with an L2 penalty in the loss."""

    strength: float = 1e-4


@dataclass(frozen=True)
class Adamw(Adam):
    """Adam with decoupled weight decay."""

    weight_decay: float = 1e-2


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam by the largest gradient."""


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam that looks one step ahead."""

    momentum_decay: float = 4e-3


@dataclass(frozen=True)
class Radam(Adam):
    """Adam that waits until it knows the variance."""


@dataclass(frozen=True)
class Amsgrad(Adam):
    """Adam whose rates do not grow."""


@dataclass(frozen=True)
class Lion:
    """The sign of the momentum alone."""

    learning_rate: float = 1e-4
    b1: float = 0.9
    b2: float = 0.99
    weight_decay: float = 0.0


Optimizer = (
    Adamw
    | Adam
    | AdamL2
    | Adamax
    | Nadam
    | Radam
    | Amsgrad
    | Momentum
    | Nesterov
    | Sgd
    | Adagrad
    | Rmsprop
    | CenteredRmsprop
    | Adadelta
    | Lion
)


@dataclass(frozen=True)
class Train:
    """Train a population of multi-layer perceptrons, and write a run directory with a report.

    The optimizer is a subcommand, given last: jaxdl train --epochs 5 sgd --learning-rate 0.2
    """

    data: Literal["digits", "mnist"] = "digits"
    """digits is shipped with jaxdl; mnist is read from a folder that TensorFlow Datasets has prepared"""
    data_dir: pathlib.Path | None = None
    """the folder that holds mnist/; without it $JAXDL_DATA/tfds, else ~/tensorflow_datasets"""
    hidden: tuple[int, ...] = (128,)
    """units of each hidden layer"""
    dropout_rate: float = 0.0
    """share of hidden units dropped in training, at least 0 and below 1"""
    epochs: int = 30
    """passes over the training part"""
    batch_size: int = 32
    """examples in a step"""
    seeds: int = 16
    """members of the population: each draws its own first weights and its own order"""
    split_seed: int = 0
    """of the division into train, dev and test"""
    out: pathlib.Path | None = None
    """a new directory; without it the next free runs/DATA"""
    schedule: Literal["cosine", "constant"] = "cosine"
    """how the learning rate goes: down to zero at the last step along half a cosine, or not at all"""
    optimizer: Optimizer = field(default_factory=Adamw)
    """the rule of a step"""


@dataclass(frozen=True)
class Check:
    """Hold every hand derivation against jax.vjp; exit status 1 where one fails."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """functions to check; without any, all"""
    forgeries: bool = False
    """also make wrong versions of each derivation, and see whether all are caught"""


@dataclass(frozen=True)
class Shapes:
    """List the shape of every gradient of a network, and what each layer costs.

    A network is written as its input and its layers, joined by -: 784-16-10, or 28x28x1-6@5p2-max2-16@5-max2-120-10.
    ReLU follows dense layers and convolutions but for the last, and a dense layer at the end gets a mean cross-entropy.
    """

    network: tyro.conf.Positional[str]
    """784 numbers, or an image HEIGHTxWIDTHxCHANNELS; then 16 (dense), 6@5p2s1 (6 filters of 5×5, padding 2, stride 1;
    where not named, 0 and 1), max2 or avg2 (pooling 2×2)"""
    batch: int = 32
    """how many examples"""


@dataclass(frozen=True)
class Trace:
    """Show every step of backpropagation through a worked example, forward and backward."""

    page: tyro.conf.Positional[Literal["xor", "classifier", "convolution", "normalization", "scalars"]]
    """which example"""
    out: pathlib.Path | None = None
    """also write it as a web page, into this new directory"""


@dataclass(frozen=True)
class Report:
    """Write the page of a run directory anew, from what the run has measured."""

    run: pathlib.Path
    """a directory that jaxdl or the experiments wrote"""
