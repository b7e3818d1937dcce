"""What the commands can be told; frozen, plain, and free of jax, so that `--help` answers at once."""

import ast
import importlib.resources
import pathlib
from dataclasses import dataclass, field
from typing import Literal

import tyro


def optimizer_defaults() -> dict[str, dict[str, float]]:
    """Return the defaults of the real hyperparameters of each function of `jaxdl.optimizers`.

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


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent."""

    learning_rate: float = 0.1


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with heavy-ball momentum."""

    learning_rate: float = 0.05
    decay: float = DEFAULTS["momentum"]["decay"]
    dampening: float = DEFAULTS["momentum"]["dampening"]


@dataclass(frozen=True)
class Nesterov:
    """Gradient descent with Nesterov momentum."""

    learning_rate: float = 0.05
    decay: float = DEFAULTS["nesterov"]["decay"]


@dataclass(frozen=True)
class Adagrad:
    """Learning rates adapted by the sum of all past squared gradients."""

    learning_rate: float = 0.01
    eps: float = DEFAULTS["adagrad"]["eps"]


@dataclass(frozen=True)
class Rmsprop:
    """Learning rates adapted by the mean of recent squared gradients."""

    learning_rate: float = 1e-3
    decay: float = DEFAULTS["rmsprop"]["decay"]
    eps: float = DEFAULTS["rmsprop"]["eps"]
    momentum: float = DEFAULTS["rmsprop"]["momentum"]


@dataclass(frozen=True)
class CenteredRmsprop(Rmsprop):
    """RMSProp with the standard deviation of recent gradients."""


@dataclass(frozen=True)
class Adadelta:
    """Adaptive steps in the unit of the parameters."""

    learning_rate: float = DEFAULTS["adadelta"]["learning_rate"]
    decay: float = DEFAULTS["adadelta"]["decay"]
    eps: float = DEFAULTS["adadelta"]["eps"]


@dataclass(frozen=True)
class Adam:
    """Adam: momentum and adaptive learning rates."""

    learning_rate: float = 1e-3
    b1: float = DEFAULTS["adam"]["b1"]
    b2: float = DEFAULTS["adam"]["b2"]
    eps: float = DEFAULTS["adam"]["eps"]


@dataclass(frozen=True)
class AdamL2(Adam):
    """Adam with an L2 penalty in the loss."""

    l2: float = DEFAULTS["adam_l2"]["l2"]


@dataclass(frozen=True)
class Adamw(Adam):
    """Adam with decoupled weight decay."""

    weight_decay: float = DEFAULTS["adamw"]["weight_decay"]


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam scaled by the largest recent gradient."""


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov momentum."""

    momentum_decay: float = DEFAULTS["nadam"]["momentum_decay"]


@dataclass(frozen=True)
class Radam(Adam):
    """Rectified Adam, without adaptive learning rates in the first steps."""


@dataclass(frozen=True)
class Amsgrad(Adam):
    """Adam with non-increasing learning rates."""


@dataclass(frozen=True)
class Lion:
    """Sign of the momentum."""

    learning_rate: float = 1e-4
    b1: float = DEFAULTS["lion"]["b1"]
    b2: float = DEFAULTS["lion"]["b2"]
    weight_decay: float = DEFAULTS["lion"]["weight_decay"]


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


Augmentation = Literal["shift", "flip", "crop", "rotate", "scale", "elastic", "cutout", "noise"]


@dataclass(frozen=True)
class Source:
    """Where data sets are found, and how they are read."""

    data_dir: pathlib.Path | None = None
    """the folder below which TFDS has prepared sets; without it $JAXDL_DATA/tfds, else ~/tensorflow_datasets"""
    manual_dir: pathlib.Path | None = None
    """a folder with the original files of mnist, fashion_mnist or cifar10; without it TFDS's downloads/manual"""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """what happens to damaged images of a folder"""


@dataclass(frozen=True)
class Train(Source):
    """Train a population of networks, and write a run directory with a report.

    The optimizer is a subcommand, given last: jaxdl train --epochs 5 sgd --learning-rate 0.2
    """

    data: str = "digits"
    """digits (shipped), mnist, fashion_mnist, cifar10, another set that TFDS has prepared; xor, moons, rings, spirals,
    linear_regression, polynomial, sparse_features (drawn); or a path: a table (.csv, .tsv, .parquet), arrays (.npz), a
    folder with a folder of images for each class"""
    label: str | None = None
    """the column of a table that is to be learned"""
    ignore: tuple[str, ...] = ()
    """columns of a table that are not read"""
    categories: tuple[str, ...] = ()
    """columns of a table whose numbers are names"""
    missing: Literal["impute", "refuse"] = "impute"
    """what happens to missing values of a table: the median of the training part, or a class of their own, stands for
    them; or nothing is done where there are any"""
    group: str | None = None
    """a column of a table whose equal values stay in one part, such as the patient; it is no input"""
    image_size: tuple[int, int] | None = None
    """height and width that images of a folder are scaled to; without it all must have one size"""
    problem: Literal["auto", "classification", "regression"] = "auto"
    """auto learns classes where the labels are names or few whole numbers, else it is a regression"""
    model: Literal["mlp", "convnet"] = "mlp"
    """a convnet is for images"""
    hidden: tuple[int, ...] = (128,)
    """units of each hidden layer"""
    filters: tuple[int, ...] = (16, 32)
    """of each convolution of a convnet, 3×3, with 2×2 max-pooling after it"""
    dropout_rate: float = 0.0
    """share of hidden units dropped in training, at least 0 and below 1"""
    loss: Literal["squared", "absolute", "huber"] = "squared"
    """of a regression, in units of the labels' deviation; classes are learned by cross-entropy"""
    augment: tuple[Augmentation, ...] = ()
    """what happens to training images, each time another way"""
    mixup: float = 0.0
    """how strongly the examples of a batch are mixed, the α of its Beta distribution; 0 for not at all"""
    label_noise: float = 0.0
    """share of the labels of each batch that are replaced by another class"""
    epochs: int | None = None
    """passes over the training part; without it 30, and more where these are fewer than 900 steps"""
    batch_size: int | None = None
    """examples in a step; without it 32, or the whole training part where it is smaller"""
    microbatches: int = 1
    """parts of a batch that are computed one after another, where it is too large at once"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of the steps; parameters and what is measured are float32 either way"""
    patience: int | None = None
    """epochs without a lower loss on dev after which a network stops; then each is kept as it was at its lowest"""
    seeds: int = 16
    """members of the population: each draws its own first weights and its own order"""
    split_seed: int = 0
    """of the division into train, dev and test"""
    out: pathlib.Path | None = None
    """a new directory, or one that the same training has begun, which goes on; without it the next free runs/DATA"""
    checkpoint_seconds: float = 10.0
    """work that is lost at most where the process is killed, or fifty times what saving takes, where that is more"""
    tensorboard: bool = False
    """also write the curves for TensorBoard, below the run directory"""
    schedule: Literal["cosine", "warmup_cosine", "one_cycle", "constant"] = "cosine"
    """how the learning rate goes: down to zero at the last step along half a cosine, after a tenth of the steps up to
    it in the second; up and down in one cycle; or not at all"""
    optimizer: Optimizer = field(default_factory=Adamw)
    """the rule of a step"""


@dataclass(frozen=True)
class Predict(Source):
    """Predict with the networks of a run: a row for every example, in memory that their number does not bound.

    A row holds the probability of every class, the mean over the networks, and of the most probable one the 95 %
    interval of this mean; or the prediction of a regression with its interval, in the unit of the labels.
    """

    run: tyro.conf.Positional[pathlib.Path] = field(kw_only=True)
    """a directory that jaxdl train wrote"""
    data: str = field(kw_only=True)
    """as for jaxdl train; labels may be missing, and images need no folder for each class"""
    out: pathlib.Path = pathlib.Path("predictions.csv")
    """a new file, .csv or .parquet"""
    keep: tuple[str, ...] = ()
    """columns of a table that are written beside its predictions, such as an index"""
    part: Literal["train", "test"] = "test"
    """of a set that comes in two parts"""


@dataclass(frozen=True)
class Export:
    """Write the networks of a run for use elsewhere, and beside them what their inputs and outputs are."""

    run: tyro.conf.Positional[pathlib.Path]
    """a directory that jaxdl train wrote"""
    to: Literal["torch", "stablehlo", "onnx"] = "torch"
    """torch: the weights of one network as safetensors, and the module that takes them; stablehlo: a compiled function
    for jax.export; onnx: the same for other runtimes, by jax2onnx"""
    member: int | None = None
    """which network; without it the first for torch, and for the others the mean over all"""
    out: pathlib.Path | None = None
    """a new directory; without it RUN/export/TO"""


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

    run: tyro.conf.Positional[pathlib.Path]
    """a directory that jaxdl or the experiments wrote"""
