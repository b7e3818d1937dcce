"""The work as people write it with Flax and optax: a compiled step, called from a Python loop; and a `vmap` of it."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest
from benchmarks.competitors.work import CLASSES, Work, numbers


class Mlp(nn.Module):
    """Dense layers and ReLU."""

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        """Map (batch, inputs) to logits."""
        draw = nn.initializers.glorot_uniform()
        for features in self.hidden:
            x = nn.relu(nn.Dense(features, kernel_init=draw)(x))
        return nn.Dense(CLASSES, kernel_init=draw)(x)


class Convnet(nn.Module):
    """Convolutions, each followed by ReLU and max-pooling, and a dense layer."""

    filters: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        """Map (batch, height, width, channels) to logits."""
        draw = nn.initializers.he_normal()
        for features in self.filters:
            x = nn.max_pool(nn.relu(nn.Conv(features, (3, 3), kernel_init=draw)(x)), (2, 2), (2, 2))
        return nn.Dense(CLASSES, kernel_init=draw)(x.reshape(len(x), -1))


def parts(work: Work):
    """`start(key) -> state` and `step(inputs, labels, state, rows) -> state, loss`."""
    model = Convnet(work.filters) if work.filters else Mlp(work.hidden)
    optimizer = optax.sgd(work.rate) if work.filters else optax.adam(work.rate)

    def start(key):
        params = model.init(key, jnp.zeros((1, *work.inputs.shape[1:])))
        return params, optimizer.init(params)

    def step(inputs, labels, state, rows):
        params, moments = state

        def loss_of(params):
            logits: Any = model.apply(params, numbers(inputs[rows]))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, moments = optimizer.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), moments), loss

    return start, step


def alone(work: Work) -> Prepared:
    """One network, step by step."""
    return _best(work, {"step by step": step_by_step}, None)


def vmapped(work: Work, members: int) -> Prepared:
    """So many networks by `jax.vmap`: step by step, or with all steps in one `scan`, whichever is faster."""
    ways = {"step by step": step_by_step, "all steps in a scan": in_a_scan}
    return _best(work, ways, members)


def _best(work, ways, members) -> Prepared:
    """With inputs kept as what makes it fastest."""
    settings = {
        f"{name}, {kind}": functools.partial(way, of, members)
        for kind, of in work.kept().items()
        for name, way in ways.items()
    }
    return fastest(settings)


def step_by_step(work: Work, members: int | None) -> Setting:
    """The loop in Python around one compiled step; the state's memory is used again."""
    inputs, labels = jnp.asarray(work.inputs), jnp.asarray(work.labels)
    start, step = _over_members(*parts(work), members)
    start, step, draw = jax.jit(start), jax.jit(step, donate_argnums=2), np.random.default_rng(0)

    def train(epochs):
        state, losses = start(_keys(members)), []
        for _ in range(epochs):
            losses = []
            for rows in _orders(draw, work, members):
                state, loss = step(inputs, labels, state, rows)
                losses.append(loss)
        return float(jnp.stack(losses).mean())

    return Setting(lambda: train(1), lambda: train(work.epochs))


def in_a_scan(work: Work, members: int | None) -> Setting:
    """An epoch compiled as one `scan`, called from Python."""
    inputs, labels = jnp.asarray(work.inputs), jnp.asarray(work.labels)
    start, step = _over_members(*parts(work), members)
    start, draw = jax.jit(start), np.random.default_rng(0)

    @functools.partial(jax.jit, donate_argnums=2)
    def epoch(inputs, labels, state, orders):
        return jax.lax.scan(functools.partial(step, inputs, labels), state, orders)

    def train(epochs):
        state, losses = start(_keys(members)), jnp.zeros(0)
        for _ in range(epochs):
            state, losses = epoch(inputs, labels, state, _orders(draw, work, members))
        return float(losses.mean())

    return Setting(lambda: train(1), lambda: train(work.epochs))


def _over_members(start, step, members):
    """Both for one network, or a `vmap` of them."""
    return (start, step) if members is None else (jax.vmap(start), jax.vmap(step, in_axes=(None, None, 0, 0)))


def _keys(members):
    key = jax.random.key(1)
    return key if members is None else jax.random.split(key, members)


def _orders(draw, work, members) -> np.ndarray:
    """The rows of each batch of an epoch; for many members, each has an order of its own: (steps, members, batch)."""
    size = work.steps * work.batch
    if members is None:
        return draw.permutation(size).astype(np.int32).reshape(work.steps, work.batch)
    orders = draw.permuted(np.tile(np.arange(size, dtype=np.int32), (members, 1)), axis=1)
    return np.ascontiguousarray(orders.reshape(members, work.steps, work.batch).swapaxes(0, 1))
