import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F
from jaxdl import initializers

FANS = {(400, 300): (400, 300), (90, 700): (90, 700), (3, 3, 50, 60): (450, 540), (5, 30, 80): (150, 400)}
VARIANCES = {
    initializers.lecun_normal: lambda fan_in, fan_out: 1 / fan_in,
    initializers.lecun_uniform: lambda fan_in, fan_out: 1 / fan_in,
    initializers.glorot_normal: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    initializers.glorot_uniform: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    initializers.he_normal: lambda fan_in, fan_out: 2 / fan_in,
    initializers.he_uniform: lambda fan_in, fan_out: 2 / fan_in,
    initializers.pytorch_uniform: lambda fan_in, fan_out: 1 / (3 * fan_in),
}
UNIFORM = [f for f in VARIANCES if f.__name__.endswith("uniform")]
with_a_fan = pytest.mark.parametrize(
    "initializer", [f for f in VARIANCES if not f.__name__.startswith("glorot")], ids=lambda f: f.__name__
)


def check_variance(drawn, variance, kurtosis):
    """The variance of n draws has the standard error sqrt((fourth moment − variance²) / n)."""
    drawn = np.asarray(drawn, np.float64)
    assert drawn.var() == pytest.approx(variance, abs=4 * variance * np.sqrt((kurtosis - 1) / drawn.size))
    assert drawn.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / drawn.size))


@pytest.mark.parametrize("shape", FANS)
@pytest.mark.parametrize("initializer", VARIANCES, ids=lambda f: f.__name__)
def test_the_variance_equals_the_published_one(initializer, shape):
    kurtosis = 9 / 5 if initializer in UNIFORM else 3
    check_variance(initializer(jax.random.key(0), shape), VARIANCES[initializer](*FANS[shape]), kurtosis)


@pytest.mark.parametrize("shape", FANS)
@pytest.mark.parametrize("initializer", VARIANCES, ids=lambda f: f.__name__)
def test_draws_follow_the_named_distribution(initializer, shape):
    stddev = math.sqrt(VARIANCES[initializer](*FANS[shape]))
    limit = math.sqrt(3) * stddev
    expected = scipy.stats.uniform(-limit, 2 * limit) if initializer in UNIFORM else scipy.stats.norm(0, stddev)
    drawn = np.asarray(initializer(jax.random.key(1), shape), np.float64).ravel()
    assert scipy.stats.kstest(drawn, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("initializer", "limit"),
    [
        (initializers.lecun_uniform, math.sqrt(3 / 400)),
        (initializers.glorot_uniform, math.sqrt(6 / 700)),
        (initializers.he_uniform, math.sqrt(6 / 400)),
        (initializers.pytorch_uniform, 1 / 20),
    ],
)
def test_the_limits_of_uniform_draws_equal_the_published_ones(initializer, limit):
    drawn = initializer(jax.random.key(0), (400, 300))
    assert limit * 0.9999 < float(drawn.max()) <= limit * (1 + 1e-6)
    assert limit * 0.9999 < float(-drawn.min()) <= limit * (1 + 1e-6)


@with_a_fan
@pytest.mark.parametrize("fan", [initializers.fan_out, initializers.fan_average, lambda shape: 17])
def test_any_function_of_the_shape_can_be_the_fan(initializer, fan):
    shape = (3, 3, 50, 60)
    by_fan_in = np.asarray(initializer(jax.random.key(0), shape))
    by_another = np.asarray(initializer(jax.random.key(0), shape, fan=fan))
    np.testing.assert_allclose(by_another, by_fan_in * math.sqrt(450 / fan(shape)), rtol=1e-5)


@with_a_fan
def test_a_fan_beyond_the_range_of_float16_gives_the_right_variance(initializer):
    drawn = np.asarray(initializer(jax.random.key(0), (100, 100), jnp.float16, fan=lambda shape: 100_000), np.float64)
    assert drawn.var() * 100_000 == pytest.approx(VARIANCES[initializer](1, 1), rel=0.05)


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        (initializers.glorot_normal, lambda init, w: init.xavier_normal_(w)),
        (initializers.glorot_uniform, lambda init, w: init.xavier_uniform_(w)),
        (partial(initializers.he_normal, negative_slope=0.5), lambda init, w: init.kaiming_normal_(w, a=0.5)),
        (partial(initializers.he_uniform, negative_slope=0.5), lambda init, w: init.kaiming_uniform_(w, a=0.5)),
        (initializers.he_normal, lambda init, w: init.kaiming_normal_(w, nonlinearity="relu")),
        (
            partial(initializers.he_uniform, fan=initializers.fan_out),
            lambda init, w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"),
        ),
        (initializers.lecun_normal, lambda init, w: init.kaiming_normal_(w, nonlinearity="linear")),
        (initializers.pytorch_uniform, lambda init, w: init.kaiming_uniform_(w, a=5**0.5)),
    ],
)
def test_the_distribution_equals_that_of_pytorch(torch, ours, torchs):
    torch.manual_seed(0)
    weight = torch.zeros(60, 50, 3, 3)
    torchs(torch.nn.init, weight)
    drawn = np.asarray(ours(jax.random.key(0), (3, 3, 50, 60)))
    assert scipy.stats.ks_2samp(drawn.ravel(), weight.numpy().ravel()).pvalue > 1e-3


@pytest.mark.parametrize("initializer", [initializers.he_normal, initializers.he_uniform])
def test_a_negative_slope_scales_the_draws_by_the_gain_of_a_leaky_relu(initializer):
    plain, leaky = (initializer(jax.random.key(0), (40, 30), negative_slope=slope) for slope in (0.0, 0.75))
    np.testing.assert_allclose(leaky, plain * np.sqrt(1 / (1 + 0.75**2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("initializer", "activation", "ratio"),
    [
        (initializers.lecun_normal, lambda z: z, 1),
        (initializers.lecun_uniform, lambda z: z, 1),
        (initializers.he_normal, F.relu, 1),
        (initializers.he_uniform, F.relu, 1),
        (initializers.glorot_normal, F.relu, 1 / 2),
        (initializers.pytorch_uniform, F.relu, 1 / 6),
        (partial(initializers.he_normal, negative_slope=0.5), partial(F.leaky_relu, negative_slope=0.5), 1),
    ],
)
def test_each_layer_multiplies_the_second_moment_of_a_signal_as_documented(initializer, activation, ratio):
    signal = jax.random.normal(jax.random.key(1), (500, 256))
    before = (signal**2).mean()
    for layer in range(4):
        signal = activation(F.dense(signal, initializer(jax.random.key(layer), (256, 256)), jnp.zeros(256)))
    assert float(((signal**2).mean() / before) ** 0.25) == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize(
    ("initializer", "jaxs"),
    [
        (initializers.he_normal, (2.0, "fan_in", "normal")),
        (initializers.he_uniform, (2.0, "fan_in", "uniform")),
        (initializers.glorot_normal, (1.0, "fan_avg", "normal")),
        (initializers.glorot_uniform, (1.0, "fan_avg", "uniform")),
        (initializers.lecun_normal, (1.0, "fan_in", "normal")),
        (initializers.lecun_uniform, (1.0, "fan_in", "uniform")),
    ],
)
def test_draws_equal_those_of_jaxs_variance_scaling(initializer, jaxs):
    key, shape = jax.random.key(0), (3, 3, 5, 6)
    expected = jax.nn.initializers.variance_scaling(*jaxs)(jax.random.clone(key), shape, jnp.float32)
    np.testing.assert_allclose(initializer(key, shape), expected, rtol=1e-6)
