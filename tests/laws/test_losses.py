"""Laws of every loss: no overflow, NaN propagates, and settings out of range give NaN."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation

MODULES = ("regression", "classification", "divergences", "margins", "ranking", "contrastive")
LOSSES = [
    name
    for name, f in derivation.functions().items()
    if f.__module__.split(".")[-1] in MODULES and not name.endswith(("_vjp", "_examples"))
]


@pytest.fixture(autouse=True)
def strict_promotion():
    """The functional API does not rely on implicit dtype promotion."""
    with jax.numpy_dtype_promotion("strict"):
        yield


@functools.cache
def first_example(name):
    """Return the arguments of the first example of a loss, which contains no NaN and no settings, as NumPy arrays."""
    arguments, _ = derivation.examples(getattr(F, name))[0]
    return jax.device_get(arguments)


def arrays_of(name, batch=4, dtype=jnp.float32):
    """Return the first rows of the first example of a loss."""
    arguments = first_example(name)
    return [jnp.asarray(a, dtype if is_floating(a) else None)[:batch] for a in arguments]


def is_floating(array):
    return jnp.issubdtype(array.dtype, jnp.floating)


def floating_positions(arrays):
    return tuple(number for number, array in enumerate(arrays) if is_floating(array))


def test_a_loss_returns_one_number_per_example():
    assert len(LOSSES) >= 19
    for name in LOSSES:
        arrays = arrays_of(name)
        loss = jax.eval_shape(getattr(F, name), *arrays)
        assert (loss.shape, loss.dtype) == ((4,), jnp.float32)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_and_its_gradients_are_finite_for_large_numbers(random, name):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    large = [
        jnp.asarray(random.choice([-1e4, -100.0, 0.0, 1e4], array.shape), jnp.float32)
        if is_floating(array) and (array < 0).any()  # arrays that are never negative hold distributions or relevance
        else array
        for array in arrays_of(name, batch=7)
    ]
    gradient = jax.grad(lambda *a: f(*a).sum(), argnums=floating_positions(large))
    loss, gradients, by_hand = jax.jit(lambda *a: (f(*a), gradient(*a), f_vjp(jnp.ones(7), *a)))(*large)
    assert jnp.isfinite(loss).all()
    assert jnp.abs(loss).max() > 1
    for cotangent in (*gradients, *by_hand):
        assert jnp.isfinite(cotangent).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_hessian_of_a_loss_is_finite_and_symmetric(name):
    f = getattr(F, name)
    arrays = arrays_of(name)
    positions = floating_positions(arrays)
    hessian = jax.jit(jax.hessian(lambda *a: f(*a).sum(), argnums=positions))(*arrays)
    for i, row in enumerate(hessian):
        for j, block in enumerate(row):
            size = arrays[positions[i]].size
            assert jnp.isfinite(block).all()
            transposed = np.asarray(hessian[j][i]).reshape(-1, size).T
            np.testing.assert_allclose(block.reshape(size, -1), transposed, rtol=1e-4, atol=1e-4)


OUT_OF_RANGE = [
    ("huber", {"delta": 0.0}),
    ("huber", {"delta": -1.0}),
    ("cross_entropy", {"smoothing": -0.1}),
    ("cross_entropy", {"smoothing": 1.1}),
    ("cross_entropy", {"class_weights": np.array([1.0, 1.0, 1.0, -1.0])}),
    ("negative_log_likelihood", {"class_weights": -1.0}),
    ("binary_cross_entropy", {"positive_weight": -0.5}),
    ("pairwise_hinge", {"margin": -0.5}),
    ("triplet", {"margin": -0.5}),
    ("cosine_embedding", {"margin": 1.5}),
    ("cosine_embedding", {"margin": -1.5}),
]


@pytest.mark.parametrize(("name", "settings"), OUT_OF_RANGE)
def test_a_setting_out_of_range_gives_nan_in_losses_and_gradients_traced_or_not(name, settings):
    f = getattr(F, name)
    zero_and_one = [0 if is_floating(array) else 1 for array in arrays_of(name)]  # at all kinks, with a valid label
    arrays = [array.at[3].set(value) for array, value in zip(arrays_of(name), zero_and_one, strict=True)]
    gradient = jax.grad(lambda *a, **s: f(*a, **s).sum(), argnums=floating_positions(arrays))
    both = lambda arrays, settings: (f(*arrays, **settings), *gradient(*arrays, **settings))
    results = jax.jit(lambda arrays, traced: (both(arrays, traced), both(arrays, settings)))(arrays, settings)
    for value in jax.tree.leaves(results):
        assert jnp.isnan(value).all()


AT_THE_END = [
    ("huber", {"delta": 1e-3}),
    ("cross_entropy", {"smoothing": 0.0, "class_weights": 0.0}),
    ("cross_entropy", {"smoothing": 1.0}),
    ("negative_log_likelihood", {"class_weights": 0.0}),
    ("binary_cross_entropy", {"positive_weight": 0.0}),
    ("pairwise_hinge", {"margin": 0.0}),
    ("triplet", {"margin": 0.0}),
    ("cosine_embedding", {"margin": 1.0}),
    ("cosine_embedding", {"margin": -1.0}),
]


@pytest.mark.parametrize(("name", "settings"), AT_THE_END)
def test_a_setting_at_the_end_of_its_range_is_valid(name, settings):
    f = jax.jit(functools.partial(getattr(F, name), **settings))
    assert jnp.isfinite(f(*arrays_of(name))).all()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", sorted({name for name, _ in OUT_OF_RANGE}))
def test_a_setting_of_another_precision_changes_no_dtype(double, name, dtype):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    names = [setting for other, settings in OUT_OF_RANGE if other == name for setting in settings]
    other = jnp.float64 if dtype == jnp.float32 else jnp.float32
    settings = {setting: jnp.asarray(0.5, other) for setting in names}
    both = jax.jit(lambda *a: (f(*a, **settings), *f_vjp(jnp.ones(4, dtype), *a, **settings)))
    for value in both(*arrays_of(name, dtype=dtype)):
        assert value.dtype == dtype
        assert jnp.isfinite(value).all()


@pytest.mark.parametrize("name", LOSSES)
def test_an_array_of_wrong_rank_or_batch_size_raises_instead_of_broadcasting(unchecked, name):
    arrays = arrays_of(name)
    for wrong in (arrays[-1][:, None], arrays[-1][:1]):
        with pytest.raises(ValueError, match=r"must have the shape \(batch,"):
            unchecked(getattr(F, name))(*arrays[:-1], wrong)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_propagates(name):
    f, arrays = jax.jit(getattr(F, name)), arrays_of(name, batch=3)
    for number in floating_positions(arrays):
        broken = list(arrays)
        broken[number] = broken[number].at[1].set(jnp.nan)
        assert jnp.isnan(f(*broken)).tolist() == [False, True, False]
