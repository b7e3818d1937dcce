"""The command `make run`: check every gradient, train a population on digits, test five claims, and write one page.

python -m experiments welcome
"""

import dataclasses
import pathlib
import time

import numpy as np
from rich.console import Console

from jaxdl import backpropagation, derivation, experiment
from jaxdl.cli import claims
from jaxdl.cli.check import proof_table
from jaxdl.cli.report import page_at_end
from jaxdl.cli.train import train_and_print
from jaxdl.reports.worked_examples import write_worked_examples
from jaxdl.runs import files
from jaxdl.runs.directory import new_run
from jaxdl.runs.examples import load_examples
from jaxdl.runs.manifest import COMPLETE, complete_run, reopen_run
from jaxdl.runs.results import evaluate
from jaxdl.runs.settings import Train
from jaxdl.runs.trainer import selected_state, train_population

from . import equal_weights, stacked_linear_layers, xor

SPLIT_SEEDS = range(5)
CLAIMS = [stacked_linear_layers.experiment, xor.experiment, equal_weights.experiment]


def welcome(out: pathlib.Path, console: Console) -> int:
    """Run everything into a new run directory; return 1 if a gradient is wrong or an experiment fails."""
    started = time.perf_counter()
    with new_run(out) as directory, page_at_end(directory, console):
        proofs = list(derivation.prove())
        console.print(proof_table(proofs))
        files.write_json(directory / "proofs.json", [proof._asdict() for proof in proofs])
        write_worked_examples(
            directory, [backpropagation.worked_example(name) for name in backpropagation.WORKED_EXAMPLES]
        )
        settings = Train()
        train_and_print(directory, settings, load_examples(settings), console)
        splits = [{"split_seed": 0, "test": float(np.mean(files.read_table(directory / "members.parquet")["test"]))}]
        splits += [{"split_seed": seed, "test": test_accuracy(settings, seed)} for seed in SPLIT_SEEDS[1:]]
        cost = files.read_json(directory / COMPLETE)
        reopen_run(directory)
        files.write_json(directory / "splits.json", splits)
        complete_run(directory, cost)
        mean = sum(split["test"] for split in splits) / len(splits)
        console.print(f"mean test accuracy over {len(splits)} splits of the data: {mean:.4f}", highlight=False)
        failed = experiment.conduct_all(
            CLAIMS,
            directory / "experiments",
            lambda result: claims.print_result(result, console),
            on_failure=claims.print_failure,
        )
        total = time.perf_counter() - started
        complete_run(directory, {**cost, "total": total})
    return 1 if failed or any(proof.fault for proof in proofs) else 0


def test_accuracy(settings: Train, split_seed: int) -> float:
    """Return the mean test accuracy of a population on another split of the data."""
    settings = dataclasses.replace(settings, split_seed=split_seed)
    examples = load_examples(settings)
    fit = train_population(settings, examples)
    if fit.interrupted:
        raise KeyboardInterrupt
    return float(evaluate(settings, examples, selected_state(settings, fit)).scores["accuracy"]["test"].mean())
