"""How long do 16 networks take: as one population, one after another, and in PyTorch?

    python -m benchmarks run population

As one population in 0.58 s: 8.8 times as fast as PyTorch's loop over models (8.0 to 9.3), and 1.7 times as fast as
PyTorch with all 16 written as batched matrix products (1.6 to 1.9). One after another jaxdl takes about as long (1.10;
1.04 to 1.21): on two CPU cores such small networks gain little from the vmap itself. Ready to run after 3.4 s,
compiling included. Median and range of 7 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

The work: 16 networks 64-128-10, 30 epochs of batches of 32 over 1,078 digits with AdamW, each with first weights and an
order of its own. PyTorch runs with the number of threads that is fastest for it, and its AdamW is the fused one.
"""

import functools
import importlib.util

import jax
import numpy as np

import jaxdl.functional as F
from benchmarks.benchmark import Benchmark, Competitor
from jaxdl import data, models, optimizers
from jaxdl.training import Task, supervised, train
from jaxdl.training.population import compile_population

MEMBERS, EPOCHS, BATCH, WIDTH, RATE, DECAY = 16, 30, 32, 128, 1e-3, 1e-2


def digits() -> data.Dataset:
    """The training part that all competitors get."""
    return data.standardized(data.stratified_split(jax.random.key(0), data.load_digits())).train


def _train_one(examples, key):
    model = models.mlp((WIDTH,), 10)
    optimizer = optimizers.adamw(RATE, weight_decay=DECAY)
    task = Task(model, supervised(model, F.cross_entropy), optimizer, BATCH)
    return train(task, examples, key, epochs=EPOCHS)[1].loss[-1]


def as_a_population(examples):
    """All members in one compiled program."""
    keys = jax.random.split(jax.random.key(1), MEMBERS)
    program = compile_population(_train_one, keys, shared=(examples,))
    program((examples,), (keys,)).block_until_ready()
    return lambda: float(np.mean(program((examples,), (keys,))))


def one_after_another(examples):
    """One compiled program for one member, called for each."""
    keys = jax.random.split(jax.random.key(1), MEMBERS)
    program = jax.jit(_train_one).lower(examples, keys[0]).compile()
    program(examples, keys[0]).block_until_ready()
    return lambda: float(np.mean([program(examples, key) for key in keys]))


def torch_one_after_another(examples):
    """The loop that people write."""
    import torch

    inputs, labels = _torch_digits(torch, examples)
    steps = len(inputs) // BATCH

    def one(seed):
        torch.manual_seed(seed)
        layers = torch.nn.Linear(64, WIDTH), torch.nn.Linear(WIDTH, 10)
        model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
        for layer in layers:
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY, fused=True)
        total = torch.zeros(())
        for _ in range(EPOCHS):
            total.zero_()
            for rows in torch.randperm(len(inputs))[: steps * BATCH].view(steps, BATCH):
                loss = torch.nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
        return float(total / steps)

    return with_the_best_threads(torch, lambda members: float(np.mean([one(seed) for seed in range(members)])), MEMBERS)


def torch_as_a_population(examples):
    """All members at once, every layer one batched matrix product."""
    import torch

    inputs, labels = _torch_digits(torch, examples)
    steps = len(inputs) // BATCH

    def run(members):
        torch.manual_seed(0)
        shapes = [(members, 64, WIDTH), (members, 1, WIDTH), (members, WIDTH, 10), (members, 1, 10)]
        deviations = [(2 / 64) ** 0.5, 0.0, (2 / WIDTH) ** 0.5, 0.0]
        params = [torch.randn(s).mul_(d).requires_grad_() for s, d in zip(shapes, deviations, strict=True)]
        w1, b1, w2, b2 = params
        optimizer = torch.optim.AdamW(params, RATE, weight_decay=DECAY, fused=True)
        total = torch.zeros(())
        for _ in range(EPOCHS):
            total.zero_()
            orders = torch.stack([torch.randperm(len(inputs))[: steps * BATCH] for _ in range(members)])
            for rows in orders.view(members, steps, BATCH).unbind(1):
                hidden = torch.relu(torch.baddbmm(b1, inputs[rows], w1))
                logits = torch.baddbmm(b2, hidden, w2)
                losses = torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1), labels[rows].flatten(), reduction="sum"
                )
                optimizer.zero_grad()
                (losses / BATCH).backward()
                optimizer.step()
                total += losses.detach() / (BATCH * members)
        return float(total / steps)

    return with_the_best_threads(torch, run, MEMBERS)


def _torch_digits(torch, examples):
    inputs = torch.from_numpy(np.array(examples.inputs).reshape(examples.size, -1))
    return inputs, torch.from_numpy(np.array(examples.labels, np.int64))


def with_the_best_threads(torch, run, members):
    """Try every number of threads that is a power of two on one member, and keep the fastest."""
    import os
    import time

    seconds = {}
    for threads in {2**power for power in range((os.cpu_count() or 1).bit_length())}:
        torch.set_num_threads(threads)
        run(1)
        began = time.perf_counter()
        run(1)
        seconds[threads] = time.perf_counter() - began
    best = min(seconds, key=lambda threads: seconds[threads])

    def timed():
        torch.set_num_threads(best)
        return run(members)

    return timed


def competitors() -> list[Competitor]:
    """All of them; those of PyTorch only where it is installed."""
    examples = digits()
    prepared = {"jaxdl, a population": as_a_population, "jaxdl, one after another": one_after_another}
    if importlib.util.find_spec("torch") is not None:
        prepared["PyTorch, one after another"] = torch_one_after_another
        prepared["PyTorch, a population by hand"] = torch_as_a_population
    return [Competitor(name, functools.partial(prepare, examples)) for name, prepare in prepared.items()]


benchmark = Benchmark(
    name="population",
    question="How long do 16 networks 64-128-10 take on the digits, 30 epochs each?",
    competitors=competitors,
    same_work=0.1,
)
