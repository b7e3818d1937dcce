"""The settings of a training run: data, model, optimizer and schedule. Imports no jax, so that `--help` is fast."""

import ast
import importlib.resources
import pathlib
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro


def optimizer_defaults() -> dict[str, dict[str, float]]:
    """Return the defaults of the float hyperparameters of each function of `jaxdl.optimizers`.

    The defaults are read from the source, because importing `jaxdl.optimizers` would import jax.
    """
    files = importlib.resources.files("jaxdl").joinpath("optimizers").iterdir()
    sources = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".py")]
    functions = [node for text in sources for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {function.name: _float_defaults(function.args) for function in functions}


def _float_defaults(signature: ast.arguments) -> dict[str, float]:
    positional = signature.args[len(signature.args) - len(signature.defaults) :]
    defaults = zip(positional + signature.kwonlyargs, signature.defaults + signature.kw_defaults, strict=True)
    constants = {parameter.arg: value.value for parameter, value in defaults if isinstance(value, ast.Constant)}
    return {name: value for name, value in constants.items() if isinstance(value, float)}


DEFAULTS = optimizer_defaults()
MAX_LAYERS, MAX_UNITS = 1000, 10**6  # of a network, so that a slip of the pen does not fill the memory


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent.

    Attributes:
        learning_rate: step size
    """

    learning_rate: float = 0.1


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with heavy-ball momentum.

    Attributes:
        learning_rate: step size
        decay: share of the velocity that each step keeps, in [0, 1)
        dampening: share of each gradient that is not added to the velocity, in [0, 1)
    """

    learning_rate: float = 0.05
    decay: float = DEFAULTS["momentum"]["decay"]
    dampening: float = DEFAULTS["momentum"]["dampening"]


@dataclass(frozen=True)
class Nesterov:
    """Gradient descent with Nesterov momentum.

    Attributes:
        learning_rate: step size
        decay: share of the velocity that each step keeps, in [0, 1)
    """

    learning_rate: float = 0.05
    decay: float = DEFAULTS["nesterov"]["decay"]


@dataclass(frozen=True)
class Adagrad:
    """Learning rates adapted by the sum of all past squared gradients.

    Attributes:
        learning_rate: step size
        eps: constant added to the denominator
        initial_accumulator_value: sum of squared gradients before the first step
    """

    learning_rate: float = 0.01
    eps: float = DEFAULTS["adagrad"]["eps"]
    initial_accumulator_value: float = DEFAULTS["adagrad"]["initial_accumulator_value"]


@dataclass(frozen=True)
class RMSProp:
    """Learning rates adapted by the mean of recent squared gradients.

    Attributes:
        learning_rate: step size
        decay: decay of the mean of squared gradients, in [0, 1)
        eps: constant added to the denominator
        momentum: share of the velocity that each step keeps, in [0, 1)
    """

    learning_rate: float = 1e-3
    decay: float = DEFAULTS["rmsprop"]["decay"]
    eps: float = DEFAULTS["rmsprop"]["eps"]
    momentum: float = DEFAULTS["rmsprop"]["momentum"]


@dataclass(frozen=True)
class CenteredRMSProp(RMSProp):
    """RMSProp with the standard deviation of recent gradients.

    Attributes:
        learning_rate, decay, eps, momentum: those of `RMSProp`
    """


@dataclass(frozen=True)
class Adadelta:
    """Adaptive steps in the unit of the parameters.

    Attributes:
        learning_rate: factor of each step
        decay: decay of the means of squared gradients and squared steps, in [0, 1)
        eps: constant added inside both roots
    """

    learning_rate: float = DEFAULTS["adadelta"]["learning_rate"]
    decay: float = DEFAULTS["adadelta"]["decay"]
    eps: float = DEFAULTS["adadelta"]["eps"]


@dataclass(frozen=True)
class Adam:
    """Adam: momentum and adaptive learning rates.

    Attributes:
        learning_rate: step size
        b1: decay of the mean of gradients, in [0, 1)
        b2: decay of the mean of squared gradients, in [0, 1)
        eps: constant added to the denominator
    """

    learning_rate: float = 1e-3
    b1: float = DEFAULTS["adam"]["b1"]
    b2: float = DEFAULTS["adam"]["b2"]
    eps: float = DEFAULTS["adam"]["eps"]


@dataclass(frozen=True)
class AdamL2(Adam):
    """Adam with an L2 penalty in the loss.

    Attributes:
        learning_rate, b1, b2, eps: those of `Adam`
        l2: factor of the penalty ½‖θ‖²
    """

    l2: float = DEFAULTS["adam_l2"]["l2"]


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay.

    Attributes:
        learning_rate, b1, b2, eps: those of `Adam`
        weight_decay: share of the parameters, times the learning rate, to subtract in each step
    """

    weight_decay: float = DEFAULTS["adamw"]["weight_decay"]


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam scaled by the largest recent gradient.

    Attributes:
        learning_rate, b1, eps: those of `Adam`
        b2: decay of the largest magnitude of gradients, in [0, 1)
    """

    b2: float = DEFAULTS["adamax"]["b2"]


@dataclass(frozen=True)
class NAdam(Adam):
    """Adam with Nesterov momentum.

    Attributes:
        learning_rate, b1, b2, eps: those of `Adam`
        momentum_decay: decay of the momentum schedule
    """

    momentum_decay: float = DEFAULTS["nadam"]["momentum_decay"]


@dataclass(frozen=True)
class RAdam(Adam):
    """Rectified Adam, without adaptive learning rates in the first steps.

    Attributes:
        learning_rate, b1, b2, eps: those of `Adam`
    """


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam with non-increasing learning rates.

    Attributes:
        learning_rate, b1, b2, eps: those of `Adam`
    """


@dataclass(frozen=True)
class Lion:
    """Sign of the momentum.

    Attributes:
        learning_rate: step size
        b1: share of the momentum in the direction of a step, in [0, 1)
        b2: decay of the momentum, in [0, 1)
        weight_decay: share of the parameters, times the learning rate, to subtract in each step
    """

    learning_rate: float = 1e-4
    b1: float = DEFAULTS["lion"]["b1"]
    b2: float = DEFAULTS["lion"]["b2"]
    weight_decay: float = DEFAULTS["lion"]["weight_decay"]


Optimizer = (
    Annotated[AdamW, tyro.conf.subcommand("adamw")]
    | Adam
    | AdamL2
    | Adamax
    | Annotated[NAdam, tyro.conf.subcommand("nadam")]
    | Annotated[RAdam, tyro.conf.subcommand("radam")]
    | Annotated[AMSGrad, tyro.conf.subcommand("amsgrad")]
    | Momentum
    | Nesterov
    | SGD
    | Adagrad
    | Annotated[RMSProp, tyro.conf.subcommand("rmsprop")]
    | Annotated[CenteredRMSProp, tyro.conf.subcommand("centered-rmsprop")]
    | Adadelta
    | Lion
)

Augmentation = Literal["shift", "flip", "crop", "rotate", "scale", "elastic", "cutout", "noise"]


def described_default(default: str, metavar: str | None = None) -> Any:
    """Return how `--help` describes a default that is not a plain value, and the name of the value."""
    return tyro.conf.arg(help_behavior_hint=f"(default: {default})", metavar=metavar)


Names = Annotated[tuple[str, ...], described_default("none", "[NAME ...]")]


@dataclass(frozen=True)
class DataSource:
    """Options for reading data sets.

    Attributes:
        data_dir: folder with data sets prepared by TFDS
        manual_dir: folder with original files of mnist, fashion_mnist or cifar10
        unreadable: damaged images of a folder; refuse: stop with an error; skip: leave them out and print a warning
    """

    data_dir: Annotated[
        pathlib.Path | None, described_default("$JAXDL_DATA/tfds, else ~/tensorflow_datasets", "PATH")
    ] = None
    manual_dir: Annotated[pathlib.Path | None, described_default("downloads/manual of TFDS", "PATH")] = None
    unreadable: Literal["refuse", "skip"] = "refuse"


@dataclass(frozen=True)
class Train(DataSource):
    """Train a population of networks, and write a run directory with a report.

    The optimizer is a subcommand and comes last: jaxdl train --epochs 5 sgd --learning-rate 0.2

    Attributes:
        data_dir, manual_dir, unreadable: those of `DataSource`
        data:
            - a known set: digits (included), mnist, fashion_mnist, cifar10, or another set prepared by TFDS;
            - a synthetic set: xor, moons, rings, spirals, linear_regression, polynomial, sparse_features;
            - a path: a table (.csv, .tsv, .parquet), arrays (.npz), or a folder with one folder of images per class
        label: column of a table to predict
        ignore: columns of a table to leave out
        categories: numeric columns of a table to treat as categories
        missing: missing values of a table:
            - impute: use the training median for numbers, and a category of its own for text;
            - refuse: stop with an error
        missing_values: texts of a table that count as missing, besides the empty cell
        separator: separator of the cells of a .csv file: one character, or tab
        header: whether the first line of a .csv file holds the names of the columns; no: they are column_1, column_2, …
        group: column of a table, such as the patient: rows with equal values stay in the same part; it is not an input
        image_size: scale images of a folder to this size; without it all images must have the same size
        problem: kind of labels; auto: text, and integers with few distinct values, are classes; other numbers are
            targets
        model: network; convnet needs images
        hidden: units of each hidden layer; no number: no hidden layer
        filters: filters of each 3×3 convolution of a convnet; a 2×2 max-pooling follows each
        dropout_rate: probability of dropping a hidden unit in training, in [0, 1)
        loss: loss of a regression, on labels scaled to standard deviation 1; classification uses cross-entropy
        augment: random transformations of training images
        mixup: α of mixup's Beta distribution; 0 turns mixup off
        label_noise: probability of replacing a training label by another class, in [0, 1)
        epochs: passes over the training part
        batch_size: examples per step
        microbatches: parts of a batch to compute one after another, for batches that exceed the memory
        layout: how the networks are divided among the devices. auto: by a rule of shapes and devices;
            measured: the fastest of the first steps, so that another run may differ in the last bits
        precision: precision of the steps; parameters and metrics are float32 in both cases
        patience: stop a network after this many epochs without a lower loss on dev, and keep its best parameters
        seeds: number of networks; each has its own initial weights and its own order of the data
        split_seed: seed of the split into train, dev and test
        out: run directory: a new one, or one of the same training, which is resumed
        checkpoint_seconds: seconds between checkpoints; the first ones come sooner by default
        tensorboard: also write learning curves for TensorBoard into the run directory
        schedule: learning rate schedule:
            - cosine: from the given rate to zero;
            - warmup_cosine: linear warm-up in the first tenth of the steps, then cosine;
            - one_cycle: up and down once;
            - constant: the given rate
        optimizer: update rule
    """

    data: str = "digits"
    label: Annotated[str | None, described_default("the labels of the set; a table needs a column", "COLUMN")] = None
    ignore: Names = ()
    categories: Names = ()
    missing: Literal["impute", "refuse"] = "impute"
    missing_values: Annotated[
        tuple[str, ...], described_default("? NA N/A NaN None null and the like", "[TEXT ...]")
    ] = ()
    separator: Annotated[str | None, described_default("found in the first lines", "TEXT")] = None
    header: Literal["yes", "no"] = "yes"
    group: Annotated[str | None, described_default("none", "COLUMN")] = None
    image_size: Annotated[tuple[int, int] | None, described_default("the size of the images", "HEIGHT WIDTH")] = None
    problem: Literal["auto", "classification", "regression"] = "auto"
    model: Literal["mlp", "convnet"] = "mlp"
    hidden: tuple[int, ...] = (128,)
    filters: tuple[int, ...] = (16, 32)
    dropout_rate: float = 0.0
    loss: Literal["squared", "absolute", "huber"] = "squared"
    augment: Annotated[tuple[Augmentation, ...], described_default("none")] = ()
    mixup: float = 0.0
    label_noise: float = 0.0
    epochs: Annotated[int | None, described_default("30, or more if 30 epochs are fewer than 900 steps", "INT")] = None
    batch_size: Annotated[int | None, described_default("32, or the training part if it is smaller", "INT")] = None
    microbatches: int = 1
    layout: Literal["auto", "measured"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    patience: Annotated[int | None, described_default("never stop early", "INT")] = None
    seeds: int = 16
    split_seed: int = 0
    out: Annotated[pathlib.Path | None, described_default("the next free runs/DATA", "PATH")] = None
    checkpoint_seconds: Annotated[float | None, described_default("10, or more if saving takes long", "FLOAT")] = None
    tensorboard: bool = False
    schedule: Literal["cosine", "warmup_cosine", "one_cycle", "constant"] = "cosine"
    optimizer: Optimizer = field(default_factory=AdamW)
