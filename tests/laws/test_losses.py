"""Laws of every loss: no overflow, NaN propagates, and settings out of range give NaN."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation

MODULES = (
    *("regression", "binary_classification", "classification", "divergences", "margins", "ranking", "contrastive"),
)
LOSSES = [
    name
    for name, f in derivation.functions().items()
    if f.__module__.split(".")[-1] in MODULES and not name.endswith(("_vjp", "_examples"))
]


EXPONENTIAL = {"poisson_nll"}  # losses that contain the exponential of their input


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


@functools.cache
def compiled(name):
    """Return a function that computes a loss, its gradients by jax, and its gradients by hand."""
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    gradient = jax.grad(lambda *a: f(*a).sum(), argnums=floating_positions(arrays_of(name)))
    return jax.jit(lambda *a: (f(*a), gradient(*a), f_vjp(jnp.ones(len(a[0])), *a)))


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


@pytest.mark.parametrize("name", sorted({*LOSSES} - EXPONENTIAL))
def test_a_loss_and_its_gradients_are_finite_for_large_numbers(random, name):
    large = [
        random.choice(np.float32([-1e4, -100.0, 0.0, 1e4]), array.shape)
        if is_floating(array) and (array < 0).any()  # arrays that are never negative hold distributions or relevance
        else array
        for array in arrays_of(name, batch=7)
    ]
    loss, gradients, by_hand = jax.device_get(compiled(name)(*large))
    assert np.isfinite(loss).all()
    assert np.abs(loss).max() > 1
    for cotangent in (*gradients, *by_hand):
        assert np.isfinite(cotangent).all()


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
    ("sigmoid_binary_cross_entropy", {"positive_weight": -0.5}),
    ("pairwise_hinge", {"margin": -0.5}),
    ("triplet", {"margin": -0.5}),
    ("cosine_embedding", {"margin": 1.5}),
    ("cosine_embedding", {"margin": -1.5}),
    ("hinge_embedding", {"margin": -0.5}),
]


@pytest.mark.parametrize(("name", "settings"), OUT_OF_RANGE)
def test_a_setting_out_of_range_gives_nan_in_losses_and_gradients_traced_or_not(name, settings):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    zero_and_one = [0 if is_floating(array) else 1 for array in arrays_of(name)]  # at all kinks, with a valid label
    arrays = [array.at[3].set(value) for array, value in zip(arrays_of(name), zero_and_one, strict=True)]
    gradient = jax.grad(lambda *a, **s: f(*a, **s).sum(), argnums=floating_positions(arrays))
    ones = jnp.ones(4)
    both = lambda a, settings: (f(*a, **settings), gradient(*a, **settings), f_vjp(ones, *a, **settings))
    results = jax.jit(lambda arrays, traced: (both(arrays, traced), both(arrays, settings)))(arrays, settings)
    for value in jax.tree.leaves(results):
        assert jnp.isnan(value).all()


AT_THE_END = [
    ("huber", {"delta": 1e-3}),
    ("cross_entropy", {"smoothing": 0.0, "class_weights": 0.0}),
    ("cross_entropy", {"smoothing": 1.0}),
    ("negative_log_likelihood", {"class_weights": 0.0}),
    ("sigmoid_binary_cross_entropy", {"positive_weight": 0.0}),
    ("pairwise_hinge", {"margin": 0.0}),
    ("triplet", {"margin": 0.0}),
    ("cosine_embedding", {"margin": 1.0}),
    ("cosine_embedding", {"margin": -1.0}),
    ("hinge_embedding", {"margin": 0.0}),
]


@pytest.mark.parametrize(("name", "settings"), AT_THE_END)
def test_a_setting_at_the_end_of_its_range_is_valid(name, settings):
    f = jax.jit(functools.partial(getattr(F, name), **settings))
    assert jnp.isfinite(f(*arrays_of(name))).all()


@pytest.mark.parametrize("name", sorted({name for name, _ in OUT_OF_RANGE}))
def test_a_setting_of_another_precision_changes_no_dtype(double, name):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    names = [setting for other, settings in OUT_OF_RANGE if other == name for setting in settings]

    def results(arrays, dtype, other):
        settings = {setting: jnp.asarray(0.5, other) for setting in names}
        return f(*arrays, **settings), *f_vjp(jnp.ones(4, dtype), *arrays, **settings)

    single, double = (arrays_of(name, dtype=dtype) for dtype in (jnp.float32, jnp.float64))
    both = jax.jit(lambda: (results(single, jnp.float32, jnp.float64), results(double, jnp.float64, jnp.float32)))
    for values, dtype in zip(jax.device_get(both()), (np.float32, np.float64), strict=True):
        assert {value.dtype for value in values} == {np.dtype(dtype)}
        assert all(np.isfinite(value).all() for value in values)


@pytest.mark.parametrize("name", LOSSES)
def test_an_array_of_wrong_rank_or_batch_size_raises_instead_of_broadcasting(unchecked, name):
    arrays = arrays_of(name)
    for wrong in (arrays[-1][:, None], arrays[-1][:1]):
        with pytest.raises(ValueError, match=r"must have the shape \(batch,"):
            unchecked(getattr(F, name))(*arrays[:-1], wrong)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_propagates(name):
    arrays = jax.device_get(arrays_of(name, batch=7))
    for number in floating_positions(arrays):
        broken = list(map(np.array, arrays))
        broken[number][1] = np.nan
        loss, _, _ = compiled(name)(*broken)
        assert np.isnan(loss).tolist() == [row == 1 for row in range(7)]
