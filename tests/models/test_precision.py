"""Mixed precision: few bits where it is computed, all of them where it is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, classification, fit, supervised

NET = models.mlp((16,), 10, norm=models.BatchNorm, dropout_rate=0.1)
HALF = models.mixed_precision(NET)
X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 7)), jnp.float32)


def dtypes(model, key=None):
    """The dtypes of all products of matrices in a forward pass."""
    params, stats = jax.eval_shape(model.init, jax.random.key(0), X)
    jaxpr = jax.make_jaxpr(lambda p, s, x: model.apply(p, s, x, key=key))(params, stats, X)

    def products(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield str(equation.outvars[0].aval.dtype)
            for inner in jaxprs_in_params(equation.params):
                yield from products(inner)

    return set(products(jaxpr.jaxpr))


def test_products_are_computed_in_bfloat16_and_without_it_in_float32():
    assert dtypes(NET) == {"float32"}
    assert dtypes(HALF) == {"bfloat16"}
    assert dtypes(HALF, jax.random.key(1)) == {"bfloat16"}


def test_parameters_statistics_outputs_and_gradients_stay_float32():

    @jax.jit
    def everything(key):
        params, stats = HALF.init(key, X)
        outputs, moved = HALF.apply(params, stats, X, key=jax.random.key(1))
        gradient = jax.grad(lambda params: (HALF.apply(params, stats, X)[0] ** 2).sum())(params)
        return params, stats, outputs, moved, gradient

    params, stats, outputs, moved, gradient = everything(jax.random.key(0))
    for tree in (params, stats, outputs, moved, gradient):
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(tree)} == {"float32"}
    assert jax.tree.structure(moved) == jax.tree.structure(stats)


def test_outputs_and_gradients_are_those_of_float32_to_a_hundredth():

    @jax.jit
    def both(key):
        params, stats = NET.init(key, X)
        of = lambda model: lambda params: (model.apply(params, stats, X)[0] ** 2).sum()
        return [jax.value_and_grad(of(model))(params) for model in (HALF, NET)]

    (half, g_half), (full, g_full) = both(jax.random.key(0))
    assert half != full
    np.testing.assert_allclose(half, full, rtol=2e-2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2 * np.abs(b).max()), g_half, g_full)


def test_it_is_pytorchs_autocast(torch):
    """The same dense layer, in bfloat16: rounded alike, to its last bit but one."""
    model = models.mixed_precision(models.mlp((), 3))
    params, stats = model.init(jax.random.key(0), X)
    layer = torch.nn.Linear(7, 3)
    kernel, bias = (np.array(params["Dense_0"][name]) for name in ("kernel", "bias"))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T))
        layer.bias.copy_(torch.tensor(bias))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            expected = layer(torch.tensor(np.array(X))).float().numpy()
    np.testing.assert_allclose(jax.jit(model.apply)(params, stats, X)[0], expected, rtol=2**-7, atol=2**-8)


def test_a_population_learns_in_it():
    digits = data.take(data.load_digits(), np.arange(400))
    task = Task(HALF, supervised(HALF, F.cross_entropy), optimizers.adam(1e-2), 32)
    keys = jax.random.split(jax.random.key(0), 2)
    result = fit(task, digits, keys, epochs=8, dev=digits, observe=classification(NET))
    assert (result.history.observed["accuracy"][:, -1] > 0.9).all()
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(result.state.params)} == {"float32"}


def test_integers_stay_what_they_are():
    ids = jnp.array([[1, 2, 0], [3, 1, 1]])
    half = models.mixed_precision(models.recurrent(models.Rnn, (4,), 2, embedding=(5, 3)))
    outputs = jax.jit(lambda key: half.apply(*half.init(key, ids), ids)[0])
    assert outputs(jax.random.key(0)).dtype == jnp.float32


def test_a_dtype_whose_gradients_would_vanish_is_told():
    with pytest.raises(ValueError, match="dtype must have the range of float32, but float16 has not"):
        models.mixed_precision(NET, dtype=jnp.float16)
