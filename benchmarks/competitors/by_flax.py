"""Train the workload with Flax and optax: a Python loop around a compiled step, and a `vmap` of that step."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.competitors.tuning import Configuration, fastest_configuration
from benchmarks.competitors.workload import CLASSES, Workload, unit_scaled
from benchmarks.harness.measure import PreparedCompetitor


class FlaxMLP(nn.Module):
    """An MLP with ReLU.

    Attributes:
        hidden: Units of each hidden layer.
    """

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        """Map (batch, inputs) to logits."""
        glorot = nn.initializers.glorot_uniform()
        for features in self.hidden:
            x = nn.relu(nn.Dense(features, kernel_init=glorot)(x))
        return nn.Dense(CLASSES, kernel_init=glorot)(x)


class FlaxConvNet(nn.Module):
    """Convolutions, each followed by ReLU and max-pooling, and a dense layer.

    Attributes:
        filters: Filters of each 3×3 convolution.
    """

    filters: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        """Map (batch, height, width, channels) to logits."""
        he = nn.initializers.he_normal()
        for features in self.filters:
            x = nn.max_pool(nn.relu(nn.Conv(features, (3, 3), kernel_init=he)(x)), (2, 2), (2, 2))
        return nn.Dense(CLASSES, kernel_init=he)(x.reshape(len(x), -1))


def init_and_step(workload: Workload):
    """Return `init(key) -> state` and `step(inputs, labels, state, rows) -> state, loss` for one network."""
    model = FlaxConvNet(workload.filters) if workload.filters else FlaxMLP(workload.hidden)
    optimizer = optax.sgd(workload.learning_rate) if workload.filters else optax.adam(workload.learning_rate)

    def init(key):
        params = model.init(key, jnp.zeros((1, *workload.inputs.shape[1:])))
        return params, optimizer.init(params)

    def step(inputs, labels, state, rows):
        params, moments = state

        def loss_of(params):
            logits: Any = model.apply(params, unit_scaled(inputs[rows]))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, moments = optimizer.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), moments), loss

    return init, step


def single(workload: Workload) -> PreparedCompetitor:
    """Prepare one network, trained with one call per step."""
    return _fastest(workload, {"step by step": step_by_step}, None)


def vmapped(workload: Workload, members: int) -> PreparedCompetitor:
    """Prepare `members` networks with `jax.vmap`: step by step or with all steps in one `scan`, whichever is faster."""
    return _fastest(workload, {"step by step": step_by_step, "all steps in a scan": in_a_scan}, members)


def _fastest(workload, loops, members) -> PreparedCompetitor:
    """Try each loop with each dtype of the inputs."""
    return fastest_configuration(
        {
            f"{name}, {dtype} inputs": functools.partial(build, stored, members)
            for dtype, stored in workload.by_dtype().items()
            for name, build in loops.items()
        }
    )


def step_by_step(workload: Workload, members: int | None) -> Configuration:
    """Build a Python loop around one compiled step, which reuses the memory of the state."""
    inputs, labels = jnp.asarray(workload.inputs), jnp.asarray(workload.labels)
    init, step = _over_members(*init_and_step(workload), members)
    init, step, generator = jax.jit(init), jax.jit(step, donate_argnums=2), np.random.default_rng(0)

    def train(epochs):
        state, losses = init(_keys(members)), []
        for _ in range(epochs):
            losses = []
            for rows in _orders(generator, workload, members):
                state, loss = step(inputs, labels, state, rows)
                losses.append(loss)
        return float(jnp.stack(losses).mean())

    return Configuration(lambda: train(1), lambda: train(workload.epochs))


def in_a_scan(workload: Workload, members: int | None) -> Configuration:
    """Build a Python loop around epochs, each compiled as one `scan`."""
    inputs, labels = jnp.asarray(workload.inputs), jnp.asarray(workload.labels)
    init, step = _over_members(*init_and_step(workload), members)
    init, generator = jax.jit(init), np.random.default_rng(0)

    @functools.partial(jax.jit, donate_argnums=2)
    def epoch(inputs, labels, state, orders):
        return jax.lax.scan(functools.partial(step, inputs, labels), state, orders)

    def train(epochs):
        state, losses = init(_keys(members)), jnp.zeros(0)
        for _ in range(epochs):
            state, losses = epoch(inputs, labels, state, _orders(generator, workload, members))
        return float(losses.mean())

    return Configuration(lambda: train(1), lambda: train(workload.epochs))


def _over_members(init, step, members):
    """Return both functions for one network (`members` None), or a `vmap` of them."""
    return (init, step) if members is None else (jax.vmap(init), jax.vmap(step, in_axes=(None, None, 0, 0)))


def _keys(members):
    key = jax.random.key(1)
    return key if members is None else jax.random.split(key, members)


def _orders(generator, workload, members) -> np.ndarray:
    """Return the rows of an epoch's batches: (steps, batch), or with an order per member (steps, members, batch)."""
    size = workload.steps * workload.batch
    if members is None:
        return generator.permutation(size).astype(np.int32).reshape(workload.steps, workload.batch)
    orders = generator.permuted(np.tile(np.arange(size, dtype=np.int32), (members, 1)), axis=1)
    return np.ascontiguousarray(orders.reshape(members, workload.steps, workload.batch).swapaxes(0, 1))
