import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl import initializers

recurrent = pytest.mark.parametrize(
    ("gates", "candidate"), [(1, False), (3, True), (4, False)], ids=["rnn", "gru", "lstm"]
)


def layer_of(shapes, dtype=jnp.float32):
    return {name: jnp.asarray(np.full(shape, np.nan, dtype)) for name, shape in shapes.items()}


def cell(inputs, hidden, gates, candidate):
    units = gates * hidden
    shapes = {"input_kernel": (inputs, units), "hidden_kernel": (hidden, units), "bias": (units,)}
    return layer_of(shapes | ({"candidate_bias": (hidden,)} if candidate else {}))


LAYERS = {
    "dense": layer_of({"kernel": (5, 4), "bias": (4,)}),
    "no bias": layer_of({"kernel": (3, 3, 5, 4)}),
    "norm": layer_of({"scale": (4,), "bias": (4,)}),
    "scale": layer_of({"scale": (4,)}),
    "embedding": layer_of({"embedding": (7, 4)}),
    "rnn": cell(5, 4, 1, False),
    "gru": cell(5, 4, 3, True),
    "lstm": cell(5, 4, 4, False),
}
both = pytest.mark.parametrize("default", [initializers.pytorch, initializers.keras])
pytorch, keras = jax.jit(initializers.pytorch), jax.jit(initializers.keras)


def have_same_distribution(drawn, torchs):
    return scipy.stats.ks_2samp(np.asarray(drawn).ravel(), torchs.detach().numpy().ravel()).pvalue > 1e-3


def is_uniform(drawn, limit):
    cdf = lambda x: np.clip((x + limit) / (2 * limit), 0, 1)
    return scipy.stats.kstest(np.asarray(drawn, np.float64).ravel(), cdf).pvalue > 1e-3


@both
def test_names_shapes_and_dtypes_are_kept_and_all_values_replaced(double, default):
    in_each_dtype = [jax.tree.map(lambda p: p.astype(d), LAYERS) for d in (jnp.bfloat16, jnp.float32, jnp.float64)]
    key = jax.random.key(0)
    with jax.debug_key_reuse(False):
        draw = jax.jit(lambda key: [{n: default(key, l) for n, l in layers.items()} for layers in in_each_dtype])
        drawn = jax.device_get(draw(key))
    given, returned = (jax.tree.map(lambda p: (p.shape, p.dtype), tree) for tree in (in_each_dtype, drawn))
    assert given == returned
    assert all(np.isfinite(np.float64(leaf)).all() for leaf in jax.tree.leaves(drawn))


@both
def test_a_vmap_over_keys_and_layers_equals_the_loop(default):
    keys = jax.random.split(jax.random.key(0), 3)
    members = jax.tree.map(lambda p: np.stack([p] * 3), LAYERS)
    draw = lambda key, layers: {name: default(key, layer) for name, layer in layers.items()}
    with jax.debug_key_reuse(False):
        both = jax.jit(lambda keys: (jax.vmap(draw)(keys, members), jax.lax.map(lambda key: draw(key, LAYERS), keys)))
        together, loop = jax.device_get(both(keys))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), together, loop)


@both
def test_equal_keys_give_equal_draws_in_any_order_of_the_names(default):
    key = jax.random.key(0)
    one = default(key, LAYERS["gru"])
    other = default(jax.random.clone(key), dict(reversed(LAYERS["gru"].items())))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@both
def test_normalization_layers_start_with_scale_one_and_bias_zero(default):
    drawn = default(jax.random.key(0), LAYERS["norm"])
    assert (drawn["scale"] == 1).all()
    assert (drawn["bias"] == 0).all()


def test_dense_layers_and_convolutions_are_initialized_as_in_pytorch(torch):
    torch.manual_seed(0)
    for module, shape in [
        (torch.nn.Linear(90, 1500), (90, 1500)),
        (torch.nn.Conv2d(7, 1500, (3, 2)), (3, 2, 7, 1500)),
        (torch.nn.Conv2d(14, 1500, (3, 2), groups=2), (3, 2, 7, 1500)),
        (torch.nn.Conv1d(9, 1500, 5), (5, 9, 1500)),
    ]:
        drawn = pytorch(jax.random.key(0), layer_of({"kernel": shape, "bias": shape[-1:]}))
        assert have_same_distribution(drawn["kernel"], module.weight)
        assert have_same_distribution(drawn["bias"], module.bias)


def test_an_embedding_is_initialized_as_in_pytorch(torch):
    torch.manual_seed(0)
    drawn = pytorch(jax.random.key(0), layer_of({"embedding": (200, 50)}))
    assert have_same_distribution(drawn["embedding"], torch.nn.Embedding(200, 50).weight)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_are_initialized_as_in_pytorch(torch, name):
    torch.manual_seed(0)
    module = getattr(torch.nn, name)(3, 400)
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[name]
    drawn = pytorch(jax.random.key(0), cell(3, 400, gates, name == "GRU"))
    assert have_same_distribution(drawn["input_kernel"], module.weight_ih_l0)
    assert have_same_distribution(drawn["hidden_kernel"], module.weight_hh_l0)
    added = 800 if name == "GRU" else gates * 400
    assert have_same_distribution(drawn["bias"][:added], (module.bias_ih_l0 + module.bias_hh_l0)[:added])
    if name == "GRU":
        assert have_same_distribution(drawn["bias"][800:], module.bias_ih_l0[800:])
        assert have_same_distribution(drawn["candidate_bias"], module.bias_hh_l0[800:])
        assert not np.array_equal(drawn["bias"][800:], drawn["candidate_bias"])


@recurrent
def test_the_sum_of_pytorchs_two_biases_has_a_triangular_distribution(gates, candidate):
    hidden = 900
    drawn = pytorch(jax.random.key(0), cell(1, hidden, gates, candidate))
    added = drawn["bias"][: 2 * hidden] if candidate else drawn["bias"]
    triangle = scipy.stats.triang(0.5, -2 / 30, 4 / 30)
    assert scipy.stats.kstest(np.asarray(added, np.float64), triangle.cdf).pvalue > 1e-3
    assert is_uniform(drawn["hidden_kernel"][::10], 1 / 30)
    if candidate:
        assert is_uniform(drawn["candidate_bias"], 1 / 30)
        assert is_uniform(drawn["bias"][2 * hidden :], 1 / 30)


def test_the_biases_of_pytorchs_gru_are_independent():
    drawn = pytorch(jax.random.key(0), cell(1, 900, 3, True))
    parts = np.stack(
        [*np.split(np.asarray(drawn["bias"]), 3), drawn["candidate_bias"], drawn["hidden_kernel"][0, :900]]
    )
    np.testing.assert_allclose(np.corrcoef(parts), np.eye(5), atol=4 / 30)


def test_keras_draws_kernels_by_glorot_uniform_and_sets_biases_to_zero():
    for shape, limit in [((90, 500), (6 / 590) ** 0.5), ((3, 2, 7, 500), (6 / (6 * 507)) ** 0.5)]:
        drawn = keras(jax.random.key(0), layer_of({"kernel": shape, "bias": shape[-1:]}))
        assert is_uniform(drawn["kernel"], limit)
        assert not drawn["bias"].any()


def test_keras_draws_embeddings_uniformly_up_to_a_twentieth():
    drawn = keras(jax.random.key(0), layer_of({"embedding": (200, 50)}))["embedding"]
    assert is_uniform(drawn, 0.05)
    assert 0.0499 < float(jnp.abs(drawn).max()) <= 0.05


@recurrent
def test_keras_initializes_recurrent_layers_as_documented(double, gates, candidate):
    hidden = 40
    layer = jax.tree.map(lambda p: p.astype(jnp.float64), cell(25, hidden, gates, candidate))
    drawn = jax.device_get(keras(jax.random.key(0), layer))
    assert is_uniform(drawn["input_kernel"], (6 / (25 + gates * hidden)) ** 0.5)
    kernel = drawn["hidden_kernel"]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(hidden), atol=1e-13)
    forget = np.zeros(gates * hidden)
    if gates == 4:
        forget[hidden : 2 * hidden] = 1
    assert np.array_equal(drawn["bias"], forget)
    assert not candidate or not drawn["candidate_bias"].any()


@both
@pytest.mark.parametrize("names", [("bias",), ("kernel", "scale"), ("embedding", "bias"), ("weights",)])
def test_a_layer_with_other_parameter_names_raises(default, names):
    given = ", ".join(sorted(names))
    with pytest.raises(
        ValueError,
        match=f"with the parameters {given}. Known: kernel or scale, .* embedding; input_kernel.* candidate_bias. Init",
    ):
        default(jax.random.key(0), layer_of(dict.fromkeys(names, (3, 4))))


@both
def test_recurrent_shapes_that_do_not_match_raise(default):
    right = functools.partial(cell, 5, 4)
    for layer in [
        right(1, True),
        right(4, True),
        right(2, False),
        right(4, False) | layer_of({"bias": (4,)}),
        right(4, False) | layer_of({"input_kernel": (16, 5)}),
        right(3, True) | layer_of({"candidate_bias": (12,)}),
    ]:
        with pytest.raises(ValueError, match=r"1, 3 or 4 gates, or 3 gates .* hidden_kernel \(4, \d+\).*\. Transpose"):
            default(jax.random.key(0), layer)


@both
def test_every_array_keeps_its_own_dtype(default):
    layer = layer_of({"input_kernel": (5, 12), "hidden_kernel": (4, 12), "bias": (12,)})
    layer |= layer_of({"candidate_bias": (4,)}, jnp.bfloat16)
    drawn = default(jax.random.key(0), layer)
    assert {name: part.dtype for name, part in drawn.items()} == {name: part.dtype for name, part in layer.items()}
