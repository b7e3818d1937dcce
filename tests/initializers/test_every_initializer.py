import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import initializers

DRAWN = [
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


def test_the_lists_are_complete():
    others = {"fan_in", "fan_out", "fan_average", "pytorch", "keras"}
    public = {name for name, thing in vars(initializers).items() if inspect.isfunction(thing)}
    assert public - others == {"constant", "zeros", "ones", *(f.__name__ for f in DRAWN)}


@each(DRAWN + CONSTANT)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64])
def test_shape_and_dtype_are_those_that_were_asked_for(double, initializer, dtype):
    drawn = initializer(jax.random.key(0), SHAPE, dtype)
    assert drawn.shape == SHAPE
    assert drawn.dtype == dtype
    assert jnp.isfinite(drawn).all()


@each(DRAWN + CONSTANT)
def test_the_dtype_is_float32_where_none_is_asked_for(double, initializer):
    assert initializer(jax.random.key(0), SHAPE).dtype == jnp.float32


@each(DRAWN)
def test_float64_draws_use_their_digits(double, initializer):
    drawn = np.asarray(initializer(jax.random.key(0), SHAPE, jnp.float64))
    assert (drawn != drawn.astype(np.float32)).mean() > 0.9


@each(DRAWN)
def test_the_same_key_draws_the_same_and_another_key_another(initializer):
    key = jax.random.key(0)
    first, again = initializer(key, SHAPE), initializer(jax.random.clone(key), SHAPE)
    assert np.array_equal(first, again)
    assert not (np.asarray(first) == initializer(jax.random.key(1), SHAPE)).any()


@each(DRAWN + CONSTANT)
def test_a_vmap_over_keys_is_the_loop_over_them(initializer):
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.vmap(lambda key: initializer(key, (8, 5)))(keys)
    alone = jnp.stack([initializer(key, (8, 5)) for key in jax.random.clone(keys)])
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


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
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_settings_may_be_traced(initializer, settings, dtype):
    def draw(settings):
        return initializer(jax.random.key(0), (6, 4), dtype, **settings)

    swept = jax.jit(jax.vmap(draw))({name: jnp.array(values) for name, values in settings.items()})
    assert swept.dtype == dtype
    for index in range(2):
        alone = draw({name: values[index] for name, values in settings.items()})
        assert jnp.isfinite(alone).all()
        np.testing.assert_allclose(np.float32(swept[index]), np.float32(alone), rtol=0.01, atol=1e-6)
    assert not np.array_equal(swept[0], swept[1])


@pytest.mark.parametrize("initializer", [*DRAWN[3:], initializers.fan_in, initializers.fan_out])
def test_what_needs_fans_refuses_the_shape_of_a_bias(initializer):
    arguments = ((5,),) if initializer in (initializers.fan_in, initializers.fan_out) else (jax.random.key(0), (5,))
    with pytest.raises(ValueError, match=r"at least two axes, inputs and outputs, but was given as \(5,\): draw"):
        initializer(*arguments)


@each([*DRAWN[:3], *CONSTANT])
def test_the_others_draw_any_shape(initializer):
    for shape in [(), (5,), (0, 3)]:
        assert initializer(jax.random.key(0), shape).shape == shape
