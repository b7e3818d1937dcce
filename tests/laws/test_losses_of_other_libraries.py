"""Losses equal those of PyTorch and optax: same values, same gradients by hand and by jax."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F


@pytest.fixture(autouse=True)
def strict_promotion():
    """The functional API does not rely on implicit dtype promotion."""
    with jax.numpy_dtype_promotion("strict"):
        yield


WEIGHTS = np.array([0.5, 2.0, 0.0, 1.5])


def outputs(random, batch):
    return random.normal(size=(batch, 3)), random.normal(size=(batch, 3))


def numbers(random, batch):
    return tuple(random.normal(size=(2, batch)))


def classes(random, batch):
    labels = random.integers(0, 4, batch)
    labels[1::4] = -100
    return 5 * random.normal(size=(batch, 4)), labels


def classes_without_ignored(random, batch):
    return random.normal(size=(batch, 4)), random.integers(0, 4, batch)


def binary(random, batch):
    return 5 * random.normal(size=batch), random.integers(0, 2, batch)


def signs(random, batch):
    return random.normal(size=batch), random.choice([-1, 1], batch)


def distributions(random, batch):
    return 5 * random.normal(size=(batch, 4)), random.dirichlet(np.ones(4), batch)


def probabilities(random, batch):
    targets = random.uniform(size=(batch, 4))
    targets[:1], targets[1:2] = 0, 1
    return 10 * random.normal(size=(batch, 4)), targets


def log_distributions(random, batch):
    return np.log(random.dirichlet(np.ones(4), batch)), random.dirichlet(np.ones(4), batch)


def triplets(random, batch):
    return tuple(random.normal(size=(3, batch, 5)))


def vectors(random, batch):
    return (*random.normal(size=(2, batch, 5)), random.choice([-1, 1], batch))


def counts(random, batch):
    return random.normal(size=(batch, 3)), 1.0 * random.integers(0, 5, (batch, 3))


def words(random, batch):
    return (*random.normal(size=(2, batch, 5)), random.normal(size=(batch, 3, 5)))


NONE = {"reduction": "none"}
SETTINGS_OF_CLASSES = [
    ({"smoothing": smoothing, "class_weights": w, "ignored": ignored}, {"label_smoothing": smoothing, **theirs})
    for smoothing in (0.0, 0.1, 1.0)
    for w, ignored, theirs in [
        (1.0, -100, {}),
        (WEIGHTS, -100, {"weight": WEIGHTS}),
        (0.5, 2, {"weight": 0 * WEIGHTS + 0.5, "ignore_index": 2}),
    ]
]


PYTORCH = {
    "squared_error": (outputs, {}, lambda f, y, t: f.mse_loss(y, t, **NONE).sum(-1)),
    "absolute_error": (outputs, {}, lambda f, y, t: f.l1_loss(y, t, **NONE).sum(-1)),
    "huber": (outputs, {}, lambda f, y, t: f.huber_loss(y, t, **NONE).sum(-1)),
    "huber narrow": (outputs, {"delta": 0.3}, lambda f, y, t: f.huber_loss(y, t, delta=0.3, **NONE).sum(-1)),
    "soft_cross_entropy": (distributions, {}, lambda f, z, t: f.cross_entropy(z, t, **NONE)),
    "kl_divergence": (log_distributions, {}, lambda f, q, t: f.kl_div(q, t, **NONE).sum(-1)),
    "sigmoid_binary_cross_entropy": (
        probabilities,
        {},
        lambda f, z, t: f.binary_cross_entropy_with_logits(z, t, **NONE).sum(-1),
    ),
    "poisson_nll": (counts, {}, lambda f, z, t: f.poisson_nll_loss(z, t, **NONE).sum(-1)),
    "hinge_embedding": (signs, {}, lambda f, d, k: f.hinge_embedding_loss(d, k, **NONE)),
    "hinge_embedding narrow": (signs, {"margin": 0.3}, lambda f, d, k: f.hinge_embedding_loss(d, k, 0.3, **NONE)),
    "weston_watkins squared": (
        classes_without_ignored,
        {"exponent": 2},
        lambda f, z, k: 4 * f.multi_margin_loss(z, k, p=2, **NONE),
    ),
    "weston_watkins": (classes_without_ignored, {}, lambda f, z, k: 4 * f.multi_margin_loss(z, k, **NONE)),
    "pairwise_hinge": (numbers, {}, lambda f, a, b: f.margin_ranking_loss(a, b, 1 + 0 * a, margin=1.0, **NONE)),
    "pairwise_hinge narrow": (
        numbers,
        {"margin": 0.3},
        lambda f, a, b: f.margin_ranking_loss(a, b, 1 + 0 * a, margin=0.3, **NONE),
    ),
    "pairwise_logistic": (numbers, {}, lambda f, a, b: -f.logsigmoid(a - b)),
    "triplet": (triplets, {}, lambda f, a, p, q: f.triplet_margin_loss(a, p, q, eps=0, **NONE)),
    "triplet narrow": (
        triplets,
        {"margin": 0.3},
        lambda f, a, p, q: f.triplet_margin_loss(a, p, q, margin=0.3, eps=0, **NONE),
    ),
    **{
        f"triplet of degree {p}, swap {swap}": (
            triplets,
            {"norm_degree": p, "swap": swap, "margin": 3.0},
            lambda f, a, p, q, d=p, s=swap: f.triplet_margin_loss(a, p, q, margin=3.0, p=d, eps=0, swap=s, **NONE),
        )
        for p in (1, 2, 3, 1.5)
        for swap in (False, True)
    },
    "cosine_embedding": (vectors, {}, lambda f, x, y, k: f.cosine_embedding_loss(x, y, k, **NONE)),
    "cosine_embedding narrow": (
        vectors,
        {"margin": 0.3},
        lambda f, x, y, k: f.cosine_embedding_loss(x, y, k, margin=0.3, **NONE),
    ),
    "negative_sampling": (
        words,
        {},
        lambda f, c, o, q: -f.logsigmoid((c * o).sum(-1)) - f.logsigmoid(-(c[:, None] * q).sum(-1)).sum(-1),
    ),
}


def assert_equal(torch, name, settings, theirs, arrays, random):
    """Assert equal losses and, for the same random g, equal gradients, by jax and by hand."""
    ours = functools.partial(getattr(F, name), **settings)
    ours_vjp = functools.partial(getattr(F, f"{name}_vjp"), **settings)
    leaves = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    loss = theirs(torch.nn.functional, *leaves)
    g = random.normal(size=tuple(loss.shape))
    loss.backward(torch.tensor(g))
    positions = [number for number, array in enumerate(arrays) if array.dtype.kind == "f"]

    def insert(floating):
        whole = list(map(jnp.asarray, arrays))
        for number, array in zip(positions, floating, strict=True):
            whole[number] = array
        return whole

    @jax.jit
    def all_results(g, *floating):
        value, pull = jax.vjp(lambda *floating: ours(*insert(floating)), *floating)
        return value, pull(g), ours_vjp(g, *insert(floating))

    value, by_jax, by_hand = all_results(g, *(arrays[number] for number in positions))
    strict = name in ("cross_entropy", "sigmoid_binary_cross_entropy")
    np.testing.assert_allclose(value, loss.detach(), rtol=1e-12 if strict else 1e-11, atol=0 if strict else 1e-13)
    tolerance = {"rtol": 1e-12, "atol": 1e-15} if strict else {"rtol": 1e-11, "atol": 1e-13}
    for *cotangents, number in zip(by_jax, by_hand, positions, strict=True):
        for cotangent in cotangents:
            np.testing.assert_allclose(cotangent, leaves[number].grad, **tolerance)


@pytest.mark.parametrize("batch", [7, 1])
@pytest.mark.parametrize("name", PYTORCH)
def test_a_loss_equals_pytorch_with_gradients(torch, random, double, name, batch):
    draw, settings, theirs = PYTORCH[name]
    assert_equal(torch, name.split()[0], settings, theirs, draw(random, batch), random)


@pytest.mark.parametrize(("ours", "theirs"), SETTINGS_OF_CLASSES)
def test_cross_entropy_with_settings_equals_pytorch(torch, random, double, ours, theirs):
    settings = {name: torch.tensor(v) if isinstance(v, np.ndarray) else v for name, v in theirs.items()}
    assert_equal(
        torch,
        "cross_entropy",
        ours,
        lambda f, z, k: f.cross_entropy(z, k, **settings, **NONE),
        (classes if ours["ignored"] == -100 else classes_without_ignored)(random, 9),
        random,
    )


@pytest.mark.parametrize(("weights", "ignored"), [(None, -100), (WEIGHTS, -100), (WEIGHTS, 2)])
def test_negative_log_likelihood_equals_pytorch(torch, random, double, weights, ignored):
    log_probabilities, labels = (
        log_distributions(random, 9)[0],
        (classes if ignored < 0 else classes_without_ignored)(random, 9)[1],
    )
    settings = {} if weights is None else {"weight": torch.tensor(weights)}
    assert_equal(
        torch,
        "negative_log_likelihood",
        {"class_weights": 1.0 if weights is None else weights, "ignored": ignored},
        lambda f, q, k: f.nll_loss(q, k, ignore_index=ignored, **settings, **NONE),
        (log_probabilities, labels),
        random,
    )


@pytest.mark.parametrize("weight", [1.0, 2.5, 0.0])
def test_sigmoid_binary_cross_entropy_with_positive_weight_equals_pytorch(torch, random, double, weight):
    assert_equal(
        torch,
        "sigmoid_binary_cross_entropy",
        {"positive_weight": weight},
        lambda f, z, k: f.binary_cross_entropy_with_logits(z, k.double(), pos_weight=torch.tensor(weight), **NONE),
        binary(random, 9),
        random,
    )


OPTAX = {
    "hinge": (signs, optax.hinge_loss),
    "perceptron": (signs, optax.losses.perceptron_loss),
    "multiclass_hinge": (classes_without_ignored, jax.vmap(lambda z, k: optax.losses.multiclass_hinge_loss(z, k))),
    "huber": (outputs, lambda y, t: optax.huber_loss(y, t).sum(-1)),
    "cross_entropy": (classes_without_ignored, optax.softmax_cross_entropy_with_integer_labels),
    "soft_cross_entropy": (distributions, optax.softmax_cross_entropy),
    "sigmoid_binary_cross_entropy": (binary, optax.sigmoid_binary_cross_entropy),
    "kl_divergence": (log_distributions, optax.kl_divergence),
    "sigmoid_binary_cross_entropy of several": (
        probabilities,
        lambda z, t: optax.sigmoid_binary_cross_entropy(z, t).sum(-1),
    ),
    "triplet": (triplets, lambda a, p, q: optax.losses.triplet_margin_loss(a, p, q, eps=0)),
    "listwise_softmax": (outputs, lambda s, y: optax.losses.ranking_softmax_loss(s, y, reduce_fn=None)),
}


@pytest.mark.parametrize("name", OPTAX)
def test_a_loss_equals_optax(random, double, name):
    draw, theirs = OPTAX[name]
    name = name.split()[0]

    @jax.jit
    def both(*arrays):
        with jax.numpy_dtype_promotion("standard"):
            expected = theirs(*arrays)
        return getattr(F, name)(*arrays), expected

    np.testing.assert_allclose(*both(*draw(random, 9)), rtol=1e-12, atol=1e-14)
