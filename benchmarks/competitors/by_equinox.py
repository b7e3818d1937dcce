"""Train the workload with Equinox and optax: a Python loop around a compiled step."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.competitors.tuning import Configuration, fastest_configuration
from benchmarks.competitors.workload import CLASSES, Workload, unit_scaled
from benchmarks.harness.measure import PreparedCompetitor


class EquinoxMLP(eqx.Module):
    """An MLP with ReLU, for one example.

    Attributes:
        layers: The dense layers, from first to last.
    """

    layers: list

    def __init__(self, sizes, key):
        """Draw Glorot uniform weights; biases are zero."""
        glorot = jax.nn.initializers.glorot_uniform(in_axis=1, out_axis=0)
        self.layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            key, layer_key, weight_key = jax.random.split(key, 3)
            layer = eqx.nn.Linear(inputs, outputs, key=layer_key)
            weight, bias = glorot(weight_key, (outputs, inputs)), jnp.zeros(outputs)
            self.layers.append(eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, (weight, bias)))

    def __call__(self, x):
        """Map inputs to logits."""
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)


def single(workload: Workload) -> PreparedCompetitor:
    """Prepare one network, trained with one call per step."""
    dtypes = workload.by_dtype().items()
    return fastest_configuration(
        {f"step by step, {dtype} inputs": functools.partial(step_by_step, stored) for dtype, stored in dtypes}
    )


def step_by_step(workload: Workload) -> Configuration:
    """Build a Python loop around one compiled step, which reuses the memory of the state."""
    inputs, labels = jnp.asarray(workload.inputs), jnp.asarray(workload.labels)
    generator = np.random.default_rng(0)
    optimizer, sizes = optax.adam(workload.learning_rate), (inputs.shape[1], *workload.hidden, CLASSES)

    @eqx.filter_jit(donate="all-except-first")
    def step(examples, state, rows):
        inputs, labels = examples
        model, moments = state

        def loss_of(model):
            logits = jax.vmap(model)(unit_scaled(inputs[rows]))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

        loss, gradient = eqx.filter_value_and_grad(loss_of)(model)
        updates, moments = optimizer.update(gradient, moments, model)
        return (eqx.apply_updates(model, updates), moments), loss

    def train():
        model = EquinoxMLP(sizes, jax.random.key(1))
        state = model, optimizer.init(eqx.filter(model, eqx.is_array))
        for _ in range(workload.epochs):
            losses = []
            order = generator.permutation(workload.steps * workload.batch).astype(np.int32)
            for rows in order.reshape(workload.steps, workload.batch):
                state, loss = step((inputs, labels), state, jnp.asarray(rows))
                losses.append(loss)
        return float(jnp.stack(losses).mean())

    return Configuration(train, train)
