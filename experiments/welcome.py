"""The main job: prove every derivation, train a population on digits, test three claims, and show it on one page.

python -m experiments welcome
"""

import dataclasses
import pathlib
import time

import numpy as np
from rich.console import Console

from experiments import equal_weights, stacked_linear_layers, xor
from jaxdl import backpropagation, derivation, experiment, report, run, trainer
from jaxdl.blackboard import write_pages
from jaxdl.experiment import telling
from jaxdl.proofs import proof_table
from jaxdl.record import evaluate
from jaxdl.settings import Train

SPLIT_SEEDS = range(5)
CLAIMS = [stacked_linear_layers.experiment, xor.experiment, equal_weights.experiment]


def welcome(out: pathlib.Path, console: Console) -> int:
    """All of it, into a new run directory; 1 where a derivation or an experiment fails."""
    began = time.perf_counter()
    with run.new_run(out) as directory, report.told(directory, console):
        proofs = list(derivation.prove())
        console.print(proof_table(proofs))
        run.write_json(directory / "proofs.json", [proof._asdict() for proof in proofs])
        write_pages(directory, [backpropagation.worked_example(name) for name in backpropagation.WORKED_EXAMPLES])
        settings = Train()
        trainer.train_into(directory, settings, trainer.load(settings), console)
        splits = [{"split_seed": 0, "test": float(np.mean(run.read_table(directory / "members.parquet")["test"]))}]
        splits += [{"split_seed": seed, "test": test_accuracy(settings, seed)} for seed in SPLIT_SEEDS[1:]]
        run.write_json(directory / "splits.json", splits)
        mean = sum(split["test"] for split in splits) / len(splits)
        console.print(f"mean test accuracy over {len(splits)} divisions of the data: {mean:.4f}", highlight=False)
        failed = experiment.conduct_all(CLAIMS, directory / "experiments", lambda result: telling.tell(result, console))
        total = time.perf_counter() - began
        run.write_json(directory / "cost.json", {**run.read_json(directory / "cost.json"), "total": total})
    return 1 if failed or any(proof.fault for proof in proofs) else 0


def test_accuracy(settings: Train, split_seed: int) -> float:
    """The mean test accuracy of a population on another division of the data."""
    settings = dataclasses.replace(settings, split_seed=split_seed)
    examples = trainer.load(settings)
    fitted = trainer.fit(settings, examples)
    if fitted.interrupted:
        raise KeyboardInterrupt
    return float(evaluate(settings, examples, trainer.judged(settings, fitted)).scores["accuracy"]["test"].mean())
