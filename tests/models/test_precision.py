import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import Task, evaluate, train

NET = models.mlp((16,), 10, norm=models.BatchNorm, dropout_rate=0.1)
MIXED = models.mixed_precision(NET)
INPUTS = jnp.asarray(np.random.default_rng(0).normal(size=(6, 7)), jnp.float32)


def dtypes(model, key=None):
    """Return the dtypes of all matrix products in a forward pass."""
    params, stats = jax.eval_shape(model.init, jax.random.key(0), INPUTS)
    jaxpr = jax.make_jaxpr(lambda p, s, x: model.apply(p, s, x, key=key))(params, stats, INPUTS)

    def products(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield str(equation.outvars[0].aval.dtype)
            for inner in jaxprs_in_params(equation.params):
                yield from products(inner)

    return set(products(jaxpr.jaxpr))


def test_matrix_products_are_computed_in_bfloat16():
    assert dtypes(NET) == {"float32"}
    assert dtypes(MIXED) == {"bfloat16"}
    assert dtypes(MIXED, jax.random.key(1)) == {"bfloat16"}


def test_parameters_statistics_outputs_and_gradients_stay_float32():
    @jax.jit
    def everything(key):
        params, stats = MIXED.init(key, INPUTS)
        outputs, updated = MIXED.apply(params, stats, INPUTS, key=jax.random.key(1))
        gradient = jax.grad(lambda params: (MIXED.apply(params, stats, INPUTS)[0] ** 2).sum())(params)
        return params, stats, outputs, updated, gradient

    params, stats, outputs, updated, gradient = everything(jax.random.key(0))
    for tree in (params, stats, outputs, updated, gradient):
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(tree)} == {"float32"}
    assert jax.tree.structure(updated) == jax.tree.structure(stats)


def test_outputs_and_gradients_are_within_2_percent_of_float32():
    @jax.jit
    def both(key):
        params, stats = NET.init(key, INPUTS)
        loss = lambda params, model: (model.apply(params, stats, INPUTS)[0] ** 2).sum()
        return [jax.value_and_grad(loss)(params, model) for model in (MIXED, NET)]

    (mixed, mixed_gradient), (full, full_gradient) = both(jax.random.key(0))
    assert mixed != full
    np.testing.assert_allclose(mixed, full, rtol=2e-2)
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2 * np.abs(b).max())
    jax.tree.map(close, mixed_gradient, full_gradient)


def test_a_dense_layer_equals_pytorchs_autocast_up_to_rounding(torch):
    model = models.mixed_precision(models.mlp((), 3))
    params, stats = model.init(jax.random.key(0), INPUTS)
    layer = torch.nn.Linear(7, 3)
    kernel, bias = (np.array(params["Dense_0"][name]) for name in ("kernel", "bias"))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T))
        layer.bias.copy_(torch.tensor(bias))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            expected = layer(torch.tensor(np.array(INPUTS))).float().numpy()
    np.testing.assert_allclose(jax.jit(model.apply)(params, stats, INPUTS)[0], expected, rtol=2**-7, atol=2**-8)


def test_a_population_learns_in_mixed_precision():
    digits = data.take(data.load_digits(), np.arange(400))
    task = Task(MIXED, F.cross_entropy, optimizers.adam(1e-2), 32, metrics={"accuracy": metrics.accuracy})

    @jax.jit
    @jax.vmap
    def trained(key):
        state, _ = train(task, digits, key, epochs=8)
        return state.params, evaluate(task._replace(model=NET), state, digits)["accuracy"]

    params, accuracies = trained(jax.random.split(jax.random.key(0), 2))
    assert (accuracies > 0.9).all()
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(params)} == {"float32"}


def test_integer_inputs_stay_integers():
    ids = jnp.array([[1, 2, 0], [3, 1, 1]])
    model = models.mixed_precision(models.recurrent(models.RNN, (4,), 2, embedding=(5, 3)))
    outputs = jax.jit(lambda key: model.apply(*model.init(key, ids), ids)[0])
    assert outputs(jax.random.key(0)).dtype == jnp.float32


def test_float16_raises_because_gradients_would_underflow():
    with pytest.raises(ValueError, match="dtype must have the range of float32, got float16"):
        models.mixed_precision(NET, dtype=jnp.float16)
