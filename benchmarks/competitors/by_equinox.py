"""The work with Equinox and optax: a compiled step, called from a loop in Python."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest
from benchmarks.competitors.work import CLASSES, Work, numbers


class Mlp(eqx.Module):
    """Dense layers and ReLU, for one example."""

    layers: list

    def __init__(self, sizes, key):
        """Glorot's uniform weights, no biases."""
        draw = jax.nn.initializers.glorot_uniform(in_axis=1, out_axis=0)
        self.layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            key, of_layer, of_weight = jax.random.split(key, 3)
            layer = eqx.nn.Linear(inputs, outputs, key=of_layer)
            weight, bias = draw(of_weight, (outputs, inputs)), jnp.zeros(outputs)
            self.layers.append(eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, (weight, bias)))

    def __call__(self, x):
        """Map inputs to logits."""
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)


def alone(work: Work) -> Prepared:
    """One network, step by step."""
    return fastest({f"step by step, {kind}": functools.partial(step_by_step, of) for kind, of in work.kept().items()})


def step_by_step(work: Work) -> Setting:
    """The loop in Python around one compiled step; the state's memory is used again."""
    inputs, labels, draw = jnp.asarray(work.inputs), jnp.asarray(work.labels), np.random.default_rng(0)
    optimizer, sizes = optax.adam(work.rate), (inputs.shape[1], *work.hidden, CLASSES)

    @eqx.filter_jit(donate="all-except-first")
    def step(fixed, state, rows):
        inputs, labels = fixed
        model, moments = state

        def loss_of(model):
            logits = jax.vmap(model)(numbers(inputs[rows]))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

        loss, gradient = eqx.filter_value_and_grad(loss_of)(model)
        updates, moments = optimizer.update(gradient, moments, model)
        return (eqx.apply_updates(model, updates), moments), loss

    def train():
        model = Mlp(sizes, jax.random.key(1))
        state = model, optimizer.init(eqx.filter(model, eqx.is_array))
        for _ in range(work.epochs):
            losses = []
            order = draw.permutation(work.steps * work.batch).astype(np.int32)
            for rows in order.reshape(work.steps, work.batch):
                state, loss = step((inputs, labels), state, jnp.asarray(rows))
                losses.append(loss)
        return float(jnp.stack(losses).mean())

    return Setting(train, train)
