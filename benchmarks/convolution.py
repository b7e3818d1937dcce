"""How long does a small convolutional network train: with patches, with jax's own convolution, and in PyTorch?

    python -m benchmarks run convolution

In 0.110 s for 16 steps inside a `scan`, where jaxdl's loops live, and as fast when each step is called from Python.
With Flax's layers, which call jax's own convolution and pooling, it takes 13.3 times as long in a scan (10.9 to 15.1)
and 2.9 times as long step by step (2.4 to 3.1). PyTorch is ahead: it takes half the time (0.46; 0.42 to 0.56). Median
and range of 7 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

The work: 16 steps of plain gradient descent, batches of 64 images of 28×28; 3×3 convolutions with 16 and 32 filters,
each followed by ReLU and 2×2 max-pooling, and a dense layer. Flax's layers are `nn.Conv` and `nn.max_pool`; PyTorch
runs with channels last and the number of threads that is fastest for it. All start from the same weights and must end
at the same loss.
"""

import functools
import importlib.util

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from benchmarks.benchmark import Benchmark, Competitor

STEPS, BATCH, RATE, FILTERS = 16, 64, 0.05, (16, 32)


def drawn(members: int = 1):
    """Images, labels, and for each member kernels and a dense layer, the same for all competitors."""
    random = np.random.default_rng(0)
    images = random.normal(size=(STEPS, BATCH, 28, 28, 1)).astype(np.float32)
    labels = random.integers(0, 10, (STEPS, BATCH))
    shapes = [(3, 3, 1, FILTERS[0]), (3, 3, *FILTERS), (7 * 7 * FILTERS[1], 10)]
    params = [random.normal(size=(members, *s)) * (2 / np.prod(s[:-1])) ** 0.5 for s in shapes]
    return images, labels, [weights.astype(np.float32) for weights in params]


def jaxdl_layers(x, kernel):
    """A stage of the network with jaxdl."""
    return F.max_pool(F.relu(F.conv2d(x, kernel, jnp.zeros(kernel.shape[-1]), padding="SAME")))


def flax_layers(x, kernel):
    """The same stage with Flax."""
    layer = nn.Conv(kernel.shape[-1], (3, 3), use_bias=False).bind({"params": {"kernel": kernel}})
    return nn.max_pool(nn.relu(layer(x)), (2, 2), (2, 2))


def step(layers, params, batch):
    """One step of gradient descent, and the loss before it."""

    def loss_of(params):
        x, labels = batch
        for kernel in params[:-1]:
            x = layers(x, kernel)
        return F.cross_entropy(x.reshape(len(x), -1) @ params[-1], labels).mean()

    loss, gradient = jax.value_and_grad(loss_of)(params)
    return [w - RATE * slope for w, slope in zip(params, gradient, strict=True)], loss


def train(layers, images, labels, params):
    """All steps in one program; the last loss."""
    return jax.lax.scan(functools.partial(step, layers), params, (images, labels))[1][-1]


def in_a_scan(layers):
    """All steps compiled into one program."""
    images, labels, params = drawn()
    arguments = jax.tree.map(jnp.asarray, (images, labels, [weights[0] for weights in params]))
    program = jax.jit(functools.partial(train, layers)).lower(*arguments).compile()
    program(*arguments).block_until_ready()
    return lambda: float(program(*arguments))


def step_by_step(layers):
    """One compiled step, called from Python."""
    images, labels, params = drawn()
    images, labels, params = jax.tree.map(jnp.asarray, (images, labels, [weights[0] for weights in params]))
    program = jax.jit(functools.partial(step, layers)).lower(params, (images[0], labels[0])).compile()

    def run():
        current = params
        for batch in zip(images, labels, strict=True):
            current, loss = program(current, batch)
        return float(loss)

    run()
    return run


def in_torch(members: int = 1):
    """PyTorch, one member after the other, eager as people write it; the mean of their last losses."""
    import torch

    from benchmarks.population import with_the_best_threads

    images, labels, params = drawn(members)
    batches = [
        (torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last), torch.from_numpy(y))
        for x, y in zip(images, labels, strict=True)
    ]

    def one(member):
        *kernels, dense = (torch.from_numpy(weights[member]) for weights in params)
        kernels = [k.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last) for k in kernels]
        current = [w.clone().requires_grad_() for w in (*kernels, dense)]
        for x, y in batches:
            for kernel in current[:-1]:
                x = torch.nn.functional.max_pool2d(torch.relu(torch.nn.functional.conv2d(x, kernel, padding=1)), 2)
            z = x.permute(0, 2, 3, 1).reshape(len(x), -1) @ current[-1]
            loss = torch.nn.functional.cross_entropy(z, y)
            gradient = torch.autograd.grad(loss, current)
            with torch.no_grad():
                for w, slope in zip(current, gradient, strict=True):
                    w -= RATE * slope
        return float(loss.detach())

    return with_the_best_threads(torch, lambda count: float(np.mean([one(member) for member in range(count)])), members)


def competitors() -> list[Competitor]:
    """All of them; PyTorch only where it is installed."""
    prepared = {
        "jaxdl, in a scan": functools.partial(in_a_scan, jaxdl_layers),
        "jaxdl, step by step": functools.partial(step_by_step, jaxdl_layers),
        "Flax, in a scan": functools.partial(in_a_scan, flax_layers),
        "Flax, step by step": functools.partial(step_by_step, flax_layers),
    }
    if importlib.util.find_spec("torch") is not None:
        prepared["PyTorch"] = in_torch
    return [Competitor(name, prepare) for name, prepare in prepared.items()]


benchmark = Benchmark(
    name="convolution",
    question="How long do 16 training steps of a small convolutional network take?",
    competitors=competitors,
    same_work=1e-3,
)
