"""The arguments of every command except `train`: frozen dataclasses without jax, so that `--help` is fast."""

import pathlib
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from jaxdl.runs.settings import DataSource, Names, described_default


@dataclass(frozen=True)
class Predict(DataSource):
    """Predict with the networks of a run, and write one row per example.

    For classes a row holds the most probable class, its mean probability over the networks, and the mean probability of
    every class. For a regression it holds the mean prediction, and a prediction interval, which contains the true label
    in at least 90 % (or --level) of new examples like those of training. mean_low_95 and mean_high_95 are the 95 %
    interval of the mean, which measures how far the networks agree. Files are read and written in chunks, so that
    memory does not grow with their size.

    Attributes:
        data_dir, manual_dir, unreadable: those of `DataSource`
        run: run directory of jaxdl train
        data: data as for jaxdl train; labels may be missing, and a folder of images needs no class folders
        out: new file, .csv or .parquet
        keep: columns of a table to copy into the output, such as an index
        part: part to predict, of a data set that comes in parts
        level: probability of the prediction interval of a regression to contain the label, such as 0.95
    """

    run: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="RUN")] = field(kw_only=True)
    data: str = field(kw_only=True)
    out: Annotated[pathlib.Path, tyro.conf.arg(metavar="PATH")] = pathlib.Path("predictions.csv")
    keep: Names = ()
    part: Literal["train", "dev", "test"] = "test"
    level: Annotated[float | None, described_default("0.9", "FLOAT")] = None


@dataclass(frozen=True)
class Export:
    """Write the networks of a run for use outside jaxdl, with a description of inputs and outputs.

    Attributes:
        run: run directory of jaxdl train
        to: format:
            - torch: the weights of one network as safetensors, and its PyTorch module;
            - stablehlo: a compiled function for jax.export;
            - onnx: a model for other runtimes; needs jax2onnx
        member: number of the network to export
        out: new directory
    """

    run: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="RUN")]
    to: Literal["torch", "stablehlo", "onnx"] = "torch"
    member: Annotated[int | None, described_default("0 for torch; the mean over all networks otherwise", "INT")] = None
    out: Annotated[pathlib.Path | None, described_default("RUN/export/FORMAT", "PATH")] = None


@dataclass(frozen=True)
class Check:
    """Compare every hand-written gradient with jax.vjp; the exit status is 1 if one is wrong or cannot be checked.

    With a Python file of your own, compare every function f of it with the gradient f_vjp beside it.

    Attributes:
        names: functions to check, after the file that defines them if they are your own
        mutants: also make wrong versions of each gradient; all must be detected
    """

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], described_default("all", "[FILE.py] [NAME ...]")] = ()
    mutants: bool = False


@dataclass(frozen=True)
class Shapes:
    """List the shape of every gradient of a network, and the cost of each layer.

    Write a network as its input and its layers, joined by -: 784-16-10, or 28x28x1-6@5p2-max2-16@5-max2-120-10.
    ReLU follows every dense layer and convolution except the last; the loss is the mean cross-entropy.

    Attributes:
        network:
            - input: 784, or HEIGHTxWIDTHxCHANNELS for images;
            - dense layer: 16;
            - convolution: 6@5p2s1 (6 filters of 5×5, padding 2, stride 1; the defaults are padding 0 and stride 1);
            - 2×2 pooling: max2 or avg2
        batch: number of examples
    """

    network: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NETWORK")]
    batch: int = 32


@dataclass(frozen=True)
class Trace:
    """Show every step of backpropagation through a worked example, forward and backward.

    Attributes:
        page: name of the example
        out: also write a web page into this new directory
    """

    page: tyro.conf.Positional[Literal["xor", "classifier", "convolution", "normalization", "scalars"]]
    out: Annotated[pathlib.Path | None, described_default("no page", "PATH")] = None


@dataclass(frozen=True)
class Report:
    """Write the page of a run directory again, from the results on disk.

    Attributes:
        run: run directory of jaxdl or of the experiments
    """

    run: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="RUN")]


@dataclass(frozen=True)
class ListExperiments:
    """List the experiments with their claims."""


@dataclass(frozen=True)
class RunExperiments:
    """Run experiments, and write numbers, verdicts and a page; unchanged experiments are not measured again.

    Attributes:
        names: names of experiments
        chapter: run all experiments of one chapter, such as 1.4
        full: use MNIST, Fashion-MNIST and CIFAR-10 in the experiments that support it, instead of digits
        draft: use the fixed draft seeds, to choose margins and the number of seeds; gives no verdict
        replication: number of the set of deciding seeds: 1 gives the verdict, others repeat it independently
        out: run directory, new or of earlier runs with the same options
    """

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], described_default("all", "[NAME ...]")] = ()
    chapter: Annotated[str | None, described_default("all", "NUMBER")] = None
    full: bool = False
    draft: bool = False
    replication: int = 1
    out: Annotated[
        pathlib.Path | None, described_default("runs/experiments[-full][-draft][-replication-N]", "PATH")
    ] = None


@dataclass(frozen=True)
class KeepResults:
    """Copy the verdicts of a run to the results kept in a clone of the repository.

    Drafts and replications are refused.

    Attributes:
        run: run directory
        results: directory of the kept results
    """

    run: tyro.conf.Positional[pathlib.Path] = pathlib.Path("runs/experiments")
    results: Annotated[pathlib.Path | None, described_default("experiments/results of the clone", "PATH")] = None


@dataclass(frozen=True)
class WriteReport:
    """Write the page of a run again, from the results on disk.

    Attributes:
        run: run directory
    """

    run: tyro.conf.Positional[pathlib.Path] = pathlib.Path("runs/experiments")


@dataclass(frozen=True)
class PrintTable:
    """Print the verdicts as a Markdown table.

    Attributes:
        results: directory of NAME.json files
    """

    results: Annotated[
        tyro.conf.Positional[pathlib.Path | None], described_default("the results that belong to jaxdl", "[PATH]")
    ] = None


@dataclass(frozen=True)
class RunWelcome:
    """Check every gradient, train a population on digits, test five claims, and write one page.

    Attributes:
        out: new run directory
    """

    out: Annotated[pathlib.Path | None, described_default("the next free runs/welcome", "PATH")] = None


ClaimCommand = (
    Annotated[ListExperiments, tyro.conf.subcommand("list", prefix_name=False)]
    | Annotated[RunExperiments, tyro.conf.subcommand("run", prefix_name=False)]
    | Annotated[WriteReport, tyro.conf.subcommand("report", prefix_name=False)]
    | Annotated[KeepResults, tyro.conf.subcommand("keep", prefix_name=False)]
    | Annotated[PrintTable, tyro.conf.subcommand("table", prefix_name=False)]
    | Annotated[RunWelcome, tyro.conf.subcommand("welcome", prefix_name=False)]
)


@dataclass(frozen=True)
class Claims:
    """Test the claims of the course by experiments, list them, and print their verdicts.

    Attributes:
        command: what to do
    """

    command: ClaimCommand
