import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from jaxdl.data.dataset import from_arrays
from jaxdl.data.synthetic import (
    linear_regression,
    moons,
    noisy_labels,
    polynomial,
    rings,
    sparse_features,
    spirals,
    xor,
)

CLOUDS = (moons, rings, spirals)
ALL = (*CLOUDS, linear_regression, sparse_features, polynomial)


def for_each(functions):
    return pytest.mark.parametrize("sample", functions, ids=lambda sample: sample.__name__)


def by_class(data):
    points, labels = np.asarray(data.inputs), np.asarray(data.labels)
    return [points[labels == label] for label in range(labels.max() + 1)]


def is_uniform(numbers, low, high):
    return stats.kstest(numbers, stats.uniform(low, high - low).cdf).pvalue > 0.01


def separable(points, labels):
    """Return whether w and b exist with s (w x + b) >= 1 for all examples, by a linear program."""
    sign = 2 * np.asarray(labels)[:, None] - 1
    rows = -sign * np.column_stack([points, np.ones(len(points))])
    found = optimize.linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
    assert found.status in (0, 2)
    return found.status == 0


def test_xor_is_one_if_the_coordinates_differ():
    corners = xor()
    assert jnp.array_equal(corners.labels, corners.inputs[:, 0] != corners.inputs[:, 1])


def test_moons_without_noise_are_two_half_circles():
    upper, lower = by_class(moons(jax.random.key(0), examples=2000, noise=0.0))
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-6)
    assert is_uniform(np.arctan2(upper[:, 1], upper[:, 0]), 0, np.pi)
    assert is_uniform(np.arctan2(0.5 - lower[:, 1], 1 - lower[:, 0]), 0, np.pi)


def test_rings_without_noise_have_radii_one_two_three():
    for number, ring in enumerate(by_class(rings(jax.random.key(0), examples=3000, classes=3, noise=0.0))):
        np.testing.assert_allclose(np.hypot(*ring.T), number + 1, rtol=1e-6)
        assert is_uniform(np.arctan2(ring[:, 1], ring[:, 0]), -np.pi, np.pi)


@pytest.mark.parametrize(("classes", "turns"), [(2, 1.0), (3, 0.25), (5, 2.5)])
def test_the_arms_of_spirals_turn_with_the_radius(classes, turns):
    """Rotated back by the angle of its radius and class, every point lies on the first axis."""
    arms = by_class(spirals(jax.random.key(0), examples=2000, classes=classes, turns=turns, noise=0.0))
    assert len(arms) == classes
    for number, arm in enumerate(arms):
        z = arm[:, 0] + 1j * arm[:, 1]
        rotated = z * np.exp(-2j * np.pi * (number / classes + turns * abs(z)))
        np.testing.assert_allclose(rotated.imag, 0, atol=1e-5)
        assert is_uniform(rotated.real, 0, 1)


@pytest.mark.parametrize("std", [0.1, 2.0])
@for_each(CLOUDS)
def test_noise_is_added_to_both_coordinates(sample, std):
    key = jax.random.key(1)
    noisy = sample(key, examples=2000, noise=std)
    noise = np.asarray(noisy.inputs - sample(jax.random.clone(key), examples=2000, noise=0.0).inputs)
    assert stats.kstest(noise.ravel() / std, stats.norm.cdf).pvalue > 0.01
    assert stats.pearsonr(*noise.T).pvalue > 0.01


@for_each((linear_regression, polynomial))
def test_noise_is_added_only_to_the_targets(sample):
    key = jax.random.key(1)
    noisy, exact = sample(key, examples=2000, noise=0.3), sample(jax.random.clone(key), examples=2000, noise=0.0)
    assert jnp.array_equal(noisy.inputs, exact.inputs)
    assert noisy.labels.shape == (2000, 1)
    noise = np.asarray(noisy.labels - exact.labels)[:, 0]
    assert stats.kstest(noise / 0.3, stats.norm.cdf).pvalue > 0.01
    assert stats.pearsonr(noise, noisy.inputs[:, 0]).pvalue > 0.01


@pytest.mark.parametrize("examples", [2, 7, 100])
@for_each(CLOUDS)
def test_two_classes_are_balanced(sample, examples):
    counts = np.bincount(sample(jax.random.key(0), examples=examples).labels)
    assert counts.tolist() == [examples - examples // 2, examples // 2]


@pytest.mark.parametrize("sample", [rings, spirals])
def test_more_classes_are_balanced(sample):
    assert np.bincount(sample(jax.random.key(0), examples=14, classes=4).labels).tolist() == [4, 4, 3, 3]


@for_each(CLOUDS)
def test_no_straight_line_separates_the_classes(sample):
    points = sample(jax.random.key(0), noise=0.0)
    assert not separable(points.inputs, points.labels)


def test_rings_are_separable_by_their_radius_and_xor_is_not():
    points = rings(jax.random.key(0), noise=0.0)
    assert separable((points.inputs**2).sum(axis=1, keepdims=True), points.labels)
    assert not separable(xor().inputs, xor().labels)


def test_least_squares_recovers_the_weights():
    weights, bias = np.array([3.0, -1.0, 0.0, 0.5]), -2.0
    for noise, tolerance in [(0.0, 1e-5), (0.5, 4 * 0.5 / np.sqrt(4000))]:
        data = linear_regression(jax.random.key(2), weights=weights, bias=bias, examples=4000, noise=noise)
        design = np.column_stack([data.inputs, np.ones(4000)])
        found, *_ = np.linalg.lstsq(design, np.asarray(data.labels)[:, 0])
        np.testing.assert_allclose(found, [*weights, bias], atol=tolerance)
    assert stats.kstest(np.ravel(data.inputs), stats.norm.cdf).pvalue > 0.01


def test_only_the_first_sparse_features_are_informative():
    data = sparse_features(jax.random.key(0), features=7, informative=3, examples=40, noise=0.0)
    found, *_ = np.linalg.lstsq(np.asarray(data.inputs), np.asarray(data.labels)[:, 0])
    np.testing.assert_allclose(found, [1, 1, 1, 0, 0, 0, 0], atol=1e-5)


def test_a_minimal_l1_norm_recovers_sparse_weights_and_a_minimal_l2_norm_does_not():
    """Both weight vectors fit 25 examples of 50 features exactly."""
    data = sparse_features(jax.random.key(0), features=50, informative=4, examples=25, noise=0.0)
    inputs, targets = np.asarray(data.inputs, float), np.asarray(data.labels, float)[:, 0]
    truth = np.repeat([1.0, 0.0], [4, 46])
    parts = optimize.linprog(np.ones(100), A_eq=np.hstack([inputs, -inputs]), b_eq=targets).x
    np.testing.assert_allclose(parts[:50] - parts[50:], truth, atol=1e-4)
    assert np.abs(np.linalg.pinv(inputs) @ targets - truth).max() > 0.3


@pytest.mark.parametrize("coefficients", [(1.5,), (0.0, 2.0), (1.0, -2.0, 0.5, 3.0)])
def test_coefficients_of_a_polynomial_begin_with_the_constant(coefficients):
    data = polynomial(jax.random.key(0), coefficients=coefficients, examples=500, noise=0.0)
    x = np.asarray(data.inputs, float)
    np.testing.assert_allclose(data.labels, np.polynomial.Polynomial(coefficients)(x), atol=1e-5)
    assert is_uniform(x[:, 0], -1, 1)


@for_each(ALL)
def test_the_key_alone_decides_the_sample(sample):
    one, again, other = (sample(jax.random.key(seed)) for seed in (0, 0, 1))
    for name in ("inputs", "labels"):
        assert jnp.array_equal(getattr(one, name), getattr(again, name))
    assert not jnp.array_equal(one.inputs, other.inputs)


@for_each(ALL)
def test_invalid_noise_raises_an_error(sample):
    for noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="noise must be a standard deviation of at least 0, got"):
            sample(jax.random.key(0), noise=noise)


@for_each(ALL)
def test_no_examples_raise_an_error(sample):
    with pytest.raises(ValueError, match="examples must be at least .*, got 0"):
        sample(jax.random.key(0), examples=0)


@pytest.mark.parametrize(
    ("sample", "settings", "message"),
    [
        (moons, {"examples": 1}, "examples must be at least one for each class, got 1 for 2 classes"),
        (rings, {"examples": 3, "classes": 4}, "at least one for each class, got 3 for 4 classes"),
        (spirals, {"classes": 0}, "at least one for each class, got 200 for 0 classes"),
        (
            linear_regression,
            {"weights": [[1.0]]},
            r"weights must be a vector of .*, got the shape \(1, 1\)",
        ),
        (
            polynomial,
            {"coefficients": ()},
            r"coefficients must be a vector of .*, got the shape \(0,\)",
        ),
        (sparse_features, {"features": 3}, "informative must be from 1 to the 3 features, got 5"),
        (sparse_features, {"informative": 0}, "informative must be from 1 to the 50 features, got 0"),
    ],
)
def test_invalid_settings_raise_errors(sample, settings, message):
    with pytest.raises(ValueError, match=message):
        sample(jax.random.key(0), **settings)


def labeled(labels):
    labels = np.asarray(labels)
    return from_arrays(np.arange(len(labels), dtype=float)[:, None], labels, weights=1.0 + np.arange(len(labels)))


@pytest.mark.parametrize(("rate", "replaced"), [(0.0, 0), (0.1, 30), (0.4, 120), (0.999, 300), (1.0, 300)])
def test_the_given_share_of_labels_is_replaced_and_nothing_else(rate, replaced):
    data = labeled(np.arange(300) % 3)
    noisy = noisy_labels(jax.random.key(0), data, rate=rate)
    assert (noisy.labels != data.labels).sum() == replaced
    assert set(noisy.labels.tolist()) == {0, 1, 2}
    assert noisy.labels.dtype == data.labels.dtype
    assert jnp.array_equal(noisy.inputs, data.inputs)
    assert jnp.array_equal(noisy.weights, data.weights)


def test_replaced_labels_are_uniform_over_examples_and_other_classes():
    data = labeled(np.arange(6000) % 4)
    noisy = noisy_labels(jax.random.key(3), data, rate=0.5)
    offset = np.asarray((noisy.labels - data.labels) % 4)
    assert stats.chisquare(np.bincount(offset)[1:]).pvalue > 0.01
    assert is_uniform(np.flatnonzero(offset), 0, 6000)
    assert jnp.array_equal(noisy.labels, noisy_labels(jax.random.key(3), data, rate=0.5).labels)
    assert not jnp.array_equal(noisy.labels, noisy_labels(jax.random.key(4), data, rate=0.5).labels)


def test_replacements_are_signs_or_classes_that_occur_in_the_data():
    assert noisy_labels(jax.random.key(0), labeled([-1, 1, 1]), rate=1.0).labels.tolist() == [1, -1, -1]
    assert noisy_labels(jax.random.key(0), labeled([2, 5, 5]), rate=1.0).labels.tolist() == [5, 2, 2]


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_an_invalid_rate_raises_an_error(rate):
    with pytest.raises(ValueError, match="rate must be between 0 and 1, got"):
        noisy_labels(jax.random.key(0), xor(), rate=rate)


def test_labels_without_a_replacement_raise_errors():
    with pytest.raises(ValueError, match="label noise needs at least two classes, but all labels are 3"):
        noisy_labels(jax.random.key(0), labeled([3, 3]), rate=0.5)
    for labels in (np.ones((4, 1), int), np.ones(4), np.array(["a", "b", "a", "b"])):
        with pytest.raises(TypeError, match=r"labels must be class numbers \(examples,\), got .* of the shape \(4,"):
            noisy_labels(jax.random.key(0), xor()._replace(labels=labels), rate=0.5)
