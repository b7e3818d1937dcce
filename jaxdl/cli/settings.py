"""The arguments of every command except `train`: frozen dataclasses without jax, so that `--help` is fast."""

import pathlib
from dataclasses import dataclass, field
from typing import Literal

import tyro

from jaxdl.runs.settings import DataSource


@dataclass(frozen=True)
class Predict(DataSource):
    """Predict with the networks of a run, and write one row per example; memory does not grow with the data.

    For classes a row holds the most probable class, its mean probability over the networks with a 95 % interval, and
    the mean probability of every class. For a regression it holds the mean prediction with its interval, in the unit of
    the labels.
    """

    run: tyro.conf.Positional[pathlib.Path] = field(kw_only=True)
    """run directory of jaxdl train"""
    data: str = field(kw_only=True)
    """data as for jaxdl train; labels may be missing, and a folder of images needs no class folders"""
    out: pathlib.Path = pathlib.Path("predictions.csv")
    """new file, .csv or .parquet"""
    keep: tuple[str, ...] = ()
    """columns of a table to copy into the output, such as an index"""
    part: Literal["train", "test"] = "test"
    """part to predict, of a data set that comes in two parts"""


@dataclass(frozen=True)
class Export:
    """Write the networks of a run for use outside jaxdl, with a description of inputs and outputs."""

    run: tyro.conf.Positional[pathlib.Path]
    """run directory of jaxdl train"""
    to: Literal["torch", "stablehlo", "onnx"] = "torch"
    """torch: the weights of one network as safetensors, and its PyTorch module; stablehlo: a compiled function for
    jax.export; onnx: the same for other runtimes, by jax2onnx"""
    member: int | None = None
    """number of the network to export (default: the first for torch, the mean over all for stablehlo and onnx)"""
    out: pathlib.Path | None = None
    """new directory (default: RUN/export/TO)"""


@dataclass(frozen=True)
class Check:
    """Compare every hand-written gradient with jax.vjp; the exit status is 1 if one is wrong."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """functions to check (default: all)"""
    forgeries: bool = False
    """also make wrong versions of each gradient, and check that the comparison detects all of them"""


@dataclass(frozen=True)
class Shapes:
    """List the shape of every gradient of a network, and the cost of each layer.

    Write a network as its input and its layers, joined by -: 784-16-10, or 28x28x1-6@5p2-max2-16@5-max2-120-10.
    ReLU follows every dense layer and convolution except the last; the loss is the mean cross-entropy.
    """

    network: tyro.conf.Positional[str]
    """input: 784, or HEIGHTxWIDTHxCHANNELS for images; layers: 16 (dense), 6@5p2s1 (6 filters of 5×5, padding 2, stride
    1; the defaults are padding 0 and stride 1), max2 or avg2 (2×2 pooling)"""
    batch: int = 32
    """number of examples"""


@dataclass(frozen=True)
class Trace:
    """Show every step of backpropagation through a worked example, forward and backward."""

    page: tyro.conf.Positional[Literal["xor", "classifier", "convolution", "normalization", "scalars"]]
    """name of the example"""
    out: pathlib.Path | None = None
    """also write a web page into this new directory"""


@dataclass(frozen=True)
class Report:
    """Write the page of a run directory again, from the results on disk."""

    run: tyro.conf.Positional[pathlib.Path]
    """run directory of jaxdl or of the experiments"""
