"""What holds for every loss: nothing overflows or is hidden, and settings out of range are seen."""

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


def arrays_of(name, batch=4, dtype=jnp.float32):
    """The beginning of the first example of a loss, which is one without NaN, for settings as they are by default."""
    arguments, _ = derivation.examples(getattr(F, name))[0]
    return [jnp.asarray(a, dtype if is_floating(a) else None)[:batch] for a in arguments]


def is_floating(array):
    return jnp.issubdtype(array.dtype, jnp.floating)


def floating_places(arrays):
    return tuple(place for place, array in enumerate(arrays) if is_floating(array))


def test_a_loss_gives_one_number_for_each_example():
    assert len(LOSSES) >= 19
    for name in LOSSES:
        arrays = arrays_of(name)
        loss = jax.eval_shape(getattr(F, name), *arrays)
        assert (loss.shape, loss.dtype) == ((4,), jnp.float32)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_finite_for_large_numbers_forward_and_backward_by_hand_and_by_jax(random, name):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    large = [
        jnp.asarray(random.choice([-1e4, -100.0, 0.0, 1e4], array.shape), jnp.float32)
        if is_floating(array) and (array < 0).any()  # what is never negative is a distribution, or relevance
        else array
        for array in arrays_of(name, batch=7)
    ]
    gradient = jax.grad(lambda *a: f(*a).sum(), argnums=floating_places(large))
    loss, gradients, by_hand = jax.jit(lambda *a: (f(*a), gradient(*a), f_vjp(jnp.ones(7), *a)))(*large)
    assert jnp.isfinite(loss).all()
    assert jnp.abs(loss).max() > 1
    for cotangent in (*gradients, *by_hand):
        assert jnp.isfinite(cotangent).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_second_derivative_of_a_loss_is_finite_and_symmetric_even_at_its_kinks(name):
    f = getattr(F, name)
    arrays = arrays_of(name)
    places = floating_places(arrays)
    hessian = jax.jit(jax.hessian(lambda *a: f(*a).sum(), argnums=places))(*arrays)
    for i, row in enumerate(hessian):
        for j, block in enumerate(row):
            size = arrays[places[i]].size
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
def test_a_setting_out_of_its_range_gives_nan_in_all_losses_and_gradients_traced_or_not(name, settings):
    f = getattr(F, name)
    zero_and_one = [0 if is_floating(array) else 1 for array in arrays_of(name)]  # at all kinks, with a right label
    arrays = [array.at[3].set(value) for array, value in zip(arrays_of(name), zero_and_one, strict=True)]
    gradient = jax.grad(lambda *a, **s: f(*a, **s).sum(), argnums=floating_places(arrays))
    both = lambda arrays, settings: (f(*arrays, **settings), *gradient(*arrays, **settings))
    for value in (*jax.jit(both)(arrays, settings), *jax.jit(lambda arrays: both(arrays, settings))(arrays)):
        assert jnp.isnan(value).all()


AT_THE_EDGE = [
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


@pytest.mark.parametrize(("name", "settings"), AT_THE_EDGE)
def test_a_setting_at_the_edge_of_its_range_is_allowed(name, settings):
    assert jnp.isfinite(getattr(F, name)(*arrays_of(name), **settings)).all()


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
def test_an_array_with_an_axis_too_many_or_another_batch_is_refused_instead_of_broadcast(unchecked, name):
    arrays = arrays_of(name)
    for wrong in (arrays[-1][:, None], arrays[-1][:1]):
        with pytest.raises(ValueError, match=r"must have the shape \(batch,"):
            unchecked(getattr(F, name))(*arrays[:-1], wrong)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_is_not_hidden(name):
    arrays = arrays_of(name, batch=3)
    for place in floating_places(arrays):
        broken = list(arrays)
        broken[place] = broken[place].at[1].set(jnp.nan)
        assert jnp.isnan(getattr(F, name)(*broken)).tolist() == [False, True, False]
