"""The work with PyTorch: the loop that people write, one network after another, and `torch.func.vmap`.

Data are tensors before the clock starts, batches are gathered by index, optimizers are the fused ones, and no number is
read before the end of an epoch. Numbers of threads, layouts and `torch.compile` are tried, and the fastest is kept.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch._dynamo

from benchmarks.absence import AbsentError
from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest, on_cpus_alone, thread_counts, threads
from benchmarks.competitors.work import CLASSES, Work, numbers

# A function is compiled anew for each network and number of threads; past a limit PyTorch would no longer compile it.
for limit in ("recompile_limit", "accumulated_recompile_limit"):
    setattr(torch._dynamo.config, limit, 10_000)
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


class Ways(NamedTuple):
    """What is tried: without a value, all there is."""

    threads: Sequence[int] = tuple(thread_counts())
    layouts: Sequence[str] = tuple(LAYOUTS)
    compiled: Sequence[bool] = (False, True)


def loop(work: Work, members: int = 1, ways: Ways = Ways()) -> Prepared:  # noqa: B008
    """So many networks, one after another."""
    return _best(work, ways, functools.partial(_loop, members))


def vmapped(work: Work, members: int, ways: Ways = Ways(layouts=("NCHW",))) -> Prepared:  # noqa: B008
    """So many networks at once by `torch.func.vmap`."""
    return _best(work, ways, functools.partial(_vmapped, members))


def _best(work, ways, make) -> Prepared:
    """Threads, layouts and bytes are tried as they are, the best of these compiled: each compilation takes seconds."""
    on_cpus_alone()
    layouts = ways.layouts if work.filters else ("NCHW",)
    tried = {
        _named(of, kind, count, layout): (of, count, layout)
        for kind, of in work.kept().items()
        for count in ways.threads
        for layout in layouts
    }
    eager = {name: functools.partial(make, *setting, compiled=False) for name, setting in tried.items()}
    compiled = {name: functools.partial(make, *setting, compiled=True) for name, setting in tried.items()}
    if not any(ways.compiled):
        return fastest(eager)
    try:
        if all(ways.compiled):
            return fastest({f"{name}, compiled": setting for name, setting in compiled.items()})
        first = fastest(eager)
        name = first.setting
        best = fastest({name: eager[name], f"{name}, compiled": compiled[name]})
        return best._replace(tried=first.tried + best.tried[1:])
    except RuntimeError as error:  # of many kinds: no C++ compiler, an operation that it does not know
        if all(ways.compiled):
            raise AbsentError(f"torch.compile failed, {str(error).splitlines()[0]}") from error
        return fastest(eager)


def _named(work, kind, count, layout) -> str:
    return f"{layout}, {kind}, {threads(count)}" if work.filters else f"{kind}, {threads(count)}"


def _tensors(work, layout):
    """Inputs as PyTorch has them, and labels."""
    inputs, labels = torch.from_numpy(work.inputs), torch.from_numpy(work.labels).long()
    if work.filters:
        inputs = inputs.permute(0, 3, 1, 2).contiguous(memory_format=LAYOUTS[layout])
    return inputs, labels


def model_of(work: Work) -> torch.nn.Sequential:
    """The network."""
    layers, features = [], work.inputs.shape[-1]
    for filters in work.filters:
        layers += [torch.nn.Conv2d(features, filters, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        features = filters
    if work.filters:
        layers.append(torch.nn.Flatten())
        features *= math.prod(size // 2 ** len(work.filters) for size in work.inputs.shape[1:3])
    for width in (*work.hidden, CLASSES):
        layers += [torch.nn.Linear(features, width), torch.nn.ReLU()]
        features = width
    return torch.nn.Sequential(*layers[:-1])


def _optimizer(work, params):
    kind = torch.optim.SGD if work.filters else torch.optim.Adam
    return kind(params, work.rate, fused=True)


def _draw(work, weights, one) -> None:
    """Draw weights or biases in place, those of one network or of many, whose shape for one is that of `one`."""
    if one.ndim == 1:
        weights.zero_()
    elif work.filters:
        weights.normal_(0, math.sqrt(2 / one[0].numel()))  # He's rule
    else:
        bound = math.sqrt(6 / sum(one.shape))  # Glorot's
        weights.uniform_(-bound, bound)


def _loop(members, work, count, layout, *, compiled) -> Setting:
    torch.set_num_threads(count)
    inputs, labels = _tensors(work, layout)
    layout = LAYOUTS[layout]
    model = model_of(work).to(memory_format=layout)

    def mean_loss(x, y):
        return torch.nn.functional.cross_entropy(model(x), y)

    loss_of = torch.compile(mean_loss) if compiled else mean_loss

    def one(seed, steps):
        torch.manual_seed(seed)
        with torch.no_grad():
            for weights in model.parameters():
                _draw(work, weights, weights)
        optimizer, total = _optimizer(work, model.parameters()), torch.zeros(())
        for _ in range(work.epochs):
            total.zero_()
            for rows in torch.randperm(len(labels)).view(work.steps, work.batch)[:steps]:
                x = numbers(inputs.index_select(0, rows)).contiguous(memory_format=layout)
                loss = loss_of(x, labels.index_select(0, rows))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
        return float(total / steps)

    def train(members, steps):
        torch.set_num_threads(count)
        return sum(one(seed, steps) for seed in range(members)) / members

    return Setting(lambda: train(1, _piece(work)), lambda: train(members, work.steps))


def _vmapped(members, work, count, layout, *, compiled) -> Setting:
    torch.set_num_threads(count)
    inputs, labels = _tensors(work, layout)
    model = model_of(work)
    shapes = {name: (members, *weight.shape) for name, weight in model.named_parameters()}

    def loss_of(params, x, y):
        return torch.nn.functional.cross_entropy(torch.func.functional_call(model, params, x), y)

    gradients = torch.func.vmap(torch.func.grad_and_value(loss_of))
    gradients = torch.compile(gradients) if compiled else gradients

    def train(steps):
        torch.set_num_threads(count)
        torch.manual_seed(0)
        params = {name: torch.zeros(shape) for name, shape in shapes.items()}
        for stacked in params.values():
            _draw(work, stacked, stacked[0])
        optimizer, total = _optimizer(work, params.values()), torch.zeros(())
        for _ in range(work.epochs):
            total.zero_()
            orders = torch.stack([torch.randperm(len(labels)) for _ in range(members)])
            for rows in orders.view(members, work.steps, work.batch).unbind(1)[:steps]:
                slopes, losses = gradients(params, numbers(inputs[rows]), labels[rows])
                for name, slope in slopes.items():
                    params[name].grad = slope
                optimizer.step()
                total += losses.mean()
        return float(total / steps)

    return Setting(lambda: train(_piece(work)), lambda: train(work.steps))


def _piece(work) -> int:
    """Steps of an epoch that settings are compared by."""
    return min(work.steps, max(4, work.steps // 8))
