"""All initializers return the requested shape and dtype, depend on the key alone, and accept traced settings."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import initializers

RANDOM = [
    initializers.normal,
    initializers.truncated_normal,
    initializers.uniform,
    initializers.lecun_normal,
    initializers.lecun_uniform,
    initializers.glorot_normal,
    initializers.glorot_uniform,
    initializers.he_normal,
    initializers.he_uniform,
    initializers.pytorch_uniform,
    initializers.orthogonal,
]
CONSTANT = [initializers.zeros, initializers.ones, functools.partial(initializers.constant, value=0.5)]
SHAPE = (3, 2, 4, 5)


def each(functions):
    return pytest.mark.parametrize("initializer", functions, ids=lambda f: getattr(f, "__name__", "constant"))


def test_no_initializer_is_missing_here():
    others = {"fan_in", "fan_out", "fan_average", "pytorch", "keras"}
    public = {name for name, thing in vars(initializers).items() if inspect.isfunction(thing) and name != "__dir__"}
    assert public == {*initializers.__all__}
    assert public - others == {"constant", "zeros", "ones", *(f.__name__ for f in RANDOM)}


@each(RANDOM + CONSTANT)
def test_the_result_has_the_requested_shape_dtype_and_precision_and_float32_is_the_default(double, initializer):
    dtypes = [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64]
    calls = [(SHAPE, dtype) for dtype in dtypes] + [(SHAPE,)]
    draw = lambda keys: [initializer(key, *arguments) for key, arguments in zip(keys, calls, strict=True)]
    every = jax.device_get(jax.jit(draw)(jax.random.split(jax.random.key(0), 5)))
    for drawn, dtype in zip(every, [*dtypes, jnp.float32], strict=True):
        assert drawn.shape == SHAPE
        assert drawn.dtype == dtype
        assert np.isfinite(np.float64(drawn)).all()
    if initializer in RANDOM:
        assert (every[3] != every[3].astype(np.float32)).mean() > 0.9


@each([initializers.normal, initializers.truncated_normal, initializers.uniform, initializers.he_uniform])
def test_bfloat16_draws_have_mean_zero(initializer):
    drawn = np.asarray(initializer(jax.random.key(0), (1000, 1000), jnp.bfloat16), np.float32)
    assert abs(drawn.mean()) < 0.004 * drawn.std()


@each(RANDOM)
def test_equal_keys_give_equal_draws_and_different_keys_different_ones(initializer):
    key = jax.random.key(0)
    first, second = initializer(key, SHAPE), initializer(jax.random.clone(key), SHAPE)
    assert np.array_equal(first, second)
    assert not (np.asarray(first) == initializer(jax.random.key(1), SHAPE)).any()


@each(RANDOM + CONSTANT)
def test_a_vmap_over_keys_equals_the_loop(initializer):
    draw = lambda key: initializer(key, (8, 5))
    both = jax.jit(lambda keys, clones: (jax.vmap(draw)(keys), jax.lax.map(draw, clones)))
    keys = jax.random.split(jax.random.key(0), 3)
    together, loop = both(keys, jax.random.clone(keys))
    np.testing.assert_allclose(together, loop, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("initializer", "settings"),
    [
        (initializers.constant, {"value": [0.5, -2.0]}),
        (initializers.normal, {"mean": [0.5, -2.0], "stddev": [0.0, 3.0]}),
        (initializers.truncated_normal, {"mean": [0.5, -2.0], "stddev": [0.0, 3.0]}),
        (initializers.uniform, {"minval": [0.5, -2.0], "maxval": [0.5, 3.0]}),
        (initializers.he_normal, {"negative_slope": [0.0, 0.3]}),
        (initializers.he_uniform, {"negative_slope": [0.0, 0.3]}),
        (initializers.orthogonal, {"gain": [0.5, -2.0]}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_vmap_over_traced_settings_equals_the_loop(initializer, settings):
    def draws(settings):
        return [initializer(jax.random.key(0), (6, 4), dtype, **settings) for dtype in (jnp.bfloat16, jnp.float32)]

    members = [{name: values[index] for name, values in settings.items()} for index in range(2)]
    swept, alone = jax.device_get(
        jax.jit(lambda traced: (jax.vmap(draws)(traced), [draws(member) for member in members]))(
            {name: np.float32(values) for name, values in settings.items()}
        )
    )
    assert [each.dtype for each in swept] == [jnp.bfloat16, jnp.float32]
    for dtype in range(2):
        for index in range(2):
            single = np.float32(alone[index][dtype])
            assert np.isfinite(single).all()
            np.testing.assert_allclose(np.float32(swept[dtype][index]), single, rtol=0.01, atol=1e-6)
        assert not np.array_equal(*swept[dtype])


@each(RANDOM[3:])
def test_an_initializer_that_needs_fans_raises_for_the_shape_of_a_bias(initializer):
    with pytest.raises(ValueError, match=r"at least two axes, inputs and outputs, got the shape \(5,\)\. For a bias"):
        initializer(jax.random.key(0), (5,))


@each([*RANDOM[:3], *CONSTANT])
def test_the_other_initializers_accept_any_shape(initializer):
    for shape in [(), (5,), (0, 3)]:
        assert initializer(jax.random.key(0), shape).shape == shape
