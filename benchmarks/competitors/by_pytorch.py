"""Train the workload with PyTorch: a Python loop, one network after another, and `torch.func.vmap`.

The data are tensors before timing starts, batches are gathered by index, optimizers are fused, and no value is read
from a tensor before the end of an epoch. Thread counts, memory formats and `torch.compile` are tried; the fastest
configuration is timed.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch._dynamo

from benchmarks.competitors.tuning import (
    Configuration,
    core_counts,
    counted,
    fastest_configuration,
    require_cpu_backend,
)
from benchmarks.competitors.workload import CLASSES, Workload, unit_scaled
from benchmarks.harness.measure import PreparedCompetitor
from benchmarks.harness.requirements import MissingRequirementError

# PyTorch recompiles a function for every network and thread count, and stops compiling it above these limits.
for limit in ("recompile_limit", "accumulated_recompile_limit"):
    setattr(torch._dynamo.config, limit, 10_000)
MEMORY_FORMATS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


class PyTorchOptions(NamedTuple):
    """The configurations to try.

    Attributes:
        threads: Numbers of threads.
        memory_formats: Memory formats of images.
        compiled: Whether to use `torch.compile`.
    """

    threads: Sequence[int] = tuple(core_counts())
    memory_formats: Sequence[str] = tuple(MEMORY_FORMATS)
    compiled: Sequence[bool] = (False, True)


def loop(workload: Workload, members: int = 1, options: PyTorchOptions = PyTorchOptions()) -> PreparedCompetitor:  # noqa: B008
    """Prepare `members` networks, trained one after another."""
    return _fastest(workload, options, functools.partial(_loop, members))


def vmapped(
    workload: Workload,
    members: int,
    options: PyTorchOptions = PyTorchOptions(memory_formats=("NCHW",)),  # noqa: B008
) -> PreparedCompetitor:
    """Prepare `members` networks, trained at once with `torch.func.vmap`."""
    return _fastest(workload, options, functools.partial(_vmapped, members))


def _fastest(workload, options, build) -> PreparedCompetitor:
    """Try all eager configurations and compile only the fastest of them, because each compilation takes seconds.

    If only compiled configurations are allowed, compile all of them.
    """
    require_cpu_backend()
    formats = options.memory_formats if workload.filters else ("NCHW",)
    settings = {
        _in_words(stored, dtype, count, memory_format): (stored, count, memory_format)
        for dtype, stored in workload.by_dtype().items()
        for count in options.threads
        for memory_format in formats
    }
    eager = {name: functools.partial(build, *setting, compiled=False) for name, setting in settings.items()}
    compiled = {name: functools.partial(build, *setting, compiled=True) for name, setting in settings.items()}
    if not any(options.compiled):
        return fastest_configuration(eager)
    try:
        if all(options.compiled):
            return fastest_configuration(
                {f"{name}, compiled": configuration for name, configuration in compiled.items()}
            )
        best_eager = fastest_configuration(eager)
        name = best_eager.configuration
        best = fastest_configuration({name: eager[name], f"{name}, compiled": compiled[name]})
        return best._replace(tried=best_eager.tried + best.tried[1:])
    except RuntimeError as error:  # for many reasons: no C++ compiler, an unsupported operation
        if all(options.compiled):
            raise MissingRequirementError(f"torch.compile failed: {str(error).splitlines()[0]}") from error
        return fastest_configuration(eager)


def _in_words(workload, dtype, count, memory_format) -> str:
    words = f"{dtype} inputs, {counted(count, 'thread')}"
    return f"{memory_format}, {words}" if workload.filters else words


def _tensors(workload, memory_format):
    """Return inputs, as NCHW if they are images, and labels."""
    inputs, labels = torch.from_numpy(workload.inputs), torch.from_numpy(workload.labels).long()
    if workload.filters:
        inputs = inputs.permute(0, 3, 1, 2).contiguous(memory_format=MEMORY_FORMATS[memory_format])
    return inputs, labels


def model_of(workload: Workload) -> torch.nn.Sequential:
    """Return the network of the workload."""
    layers, features = [], workload.inputs.shape[-1]
    for filters in workload.filters:
        layers += [torch.nn.Conv2d(features, filters, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        features = filters
    if workload.filters:
        layers.append(torch.nn.Flatten())
        features *= math.prod(size // 2 ** len(workload.filters) for size in workload.inputs.shape[1:3])
    for width in (*workload.hidden, CLASSES):
        layers += [torch.nn.Linear(features, width), torch.nn.ReLU()]
        features = width
    return torch.nn.Sequential(*layers[:-1])


def _optimizer(workload, params):
    build = torch.optim.SGD if workload.filters else torch.optim.Adam
    return build(params, workload.learning_rate, fused=True)


def _initialize(workload, params, example) -> None:
    """Initialize weights or biases in place; `example` has the shape of those of one network.

    Biases are zero, weights of convolutional networks He normal, those of MLPs Glorot uniform.
    """
    if example.ndim == 1:
        params.zero_()
    elif workload.filters:
        params.normal_(0, math.sqrt(2 / example[0].numel()))
    else:
        bound = math.sqrt(6 / sum(example.shape))
        params.uniform_(-bound, bound)


def _loop(members, workload, count, memory_format, *, compiled) -> Configuration:
    torch.set_num_threads(count)
    inputs, labels = _tensors(workload, memory_format)
    memory_format = MEMORY_FORMATS[memory_format]
    model = model_of(workload).to(memory_format=memory_format)

    def mean_loss(x, y):
        return torch.nn.functional.cross_entropy(model(x), y)

    loss_of = torch.compile(mean_loss) if compiled else mean_loss

    def train_one(seed, steps):
        torch.manual_seed(seed)
        with torch.no_grad():
            for weights in model.parameters():
                _initialize(workload, weights, weights)
        optimizer, total = _optimizer(workload, model.parameters()), torch.zeros(())
        for _ in range(workload.epochs):
            total.zero_()
            for rows in torch.randperm(len(labels)).view(workload.steps, workload.batch)[:steps]:
                x = unit_scaled(inputs.index_select(0, rows)).contiguous(memory_format=memory_format)
                loss = loss_of(x, labels.index_select(0, rows))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
        return float(total / steps)

    def train(members, steps):
        torch.set_num_threads(count)
        return sum(train_one(seed, steps) for seed in range(members)) / members

    return Configuration(lambda: train(1, _trial_steps(workload)), lambda: train(members, workload.steps))


def _vmapped(members, workload, count, memory_format, *, compiled) -> Configuration:
    torch.set_num_threads(count)
    inputs, labels = _tensors(workload, memory_format)
    model = model_of(workload)
    shapes = {name: (members, *weight.shape) for name, weight in model.named_parameters()}

    def loss_of(params, x, y):
        return torch.nn.functional.cross_entropy(torch.func.functional_call(model, params, x), y)

    gradients_and_losses = torch.func.vmap(torch.func.grad_and_value(loss_of))
    gradients_and_losses = torch.compile(gradients_and_losses) if compiled else gradients_and_losses

    def train(steps):
        torch.set_num_threads(count)
        torch.manual_seed(0)
        params = {name: torch.zeros(shape) for name, shape in shapes.items()}
        for stacked in params.values():
            _initialize(workload, stacked, stacked[0])
        optimizer, total = _optimizer(workload, params.values()), torch.zeros(())
        for _ in range(workload.epochs):
            total.zero_()
            orders = torch.stack([torch.randperm(len(labels)) for _ in range(members)])
            for rows in orders.view(members, workload.steps, workload.batch).unbind(1)[:steps]:
                gradients, losses = gradients_and_losses(params, unit_scaled(inputs[rows]), labels[rows])
                for name, gradient in gradients.items():
                    params[name].grad = gradient
                optimizer.step()
                total += losses.mean()
        return float(total / steps)

    return Configuration(lambda: train(_trial_steps(workload)), lambda: train(workload.steps))


def _trial_steps(workload) -> int:
    """Return the number of steps of a trial run."""
    return min(workload.steps, max(4, workload.steps // 8))
