"""Every loss of other libraries that is one of ours too: same values, same gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F

WEIGHTS = np.array([0.5, 2.0, 0.0, 1.5])


def outputs(random, batch):
    return random.normal(size=(batch, 3)), random.normal(size=(batch, 3))


def numbers(random, batch):
    return tuple(random.normal(size=(2, batch)))


def classes(random, batch):
    labels = random.integers(0, 4, batch)
    labels[1::4] = -100
    return 5 * random.normal(size=(batch, 4)), labels


def strictly_classes(random, batch):
    return random.normal(size=(batch, 4)), random.integers(0, 4, batch)


def binary(random, batch):
    return 5 * random.normal(size=batch), random.integers(0, 2, batch)


def signs(random, batch):
    return random.normal(size=batch), random.choice([-1, 1], batch)


def distributions(random, batch):
    return 5 * random.normal(size=(batch, 4)), random.dirichlet(np.ones(4), batch)


def log_distributions(random, batch):
    return np.log(random.dirichlet(np.ones(4), batch)), random.dirichlet(np.ones(4), batch)


def triplets(random, batch):
    return tuple(random.normal(size=(3, batch, 5)))


def vectors(random, batch):
    return (*random.normal(size=(2, batch, 5)), random.choice([-1, 1], batch))


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
    "weston_watkins": (strictly_classes, {}, lambda f, z, k: 4 * f.multi_margin_loss(z, k, **NONE)),
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


def agrees(torch, ours, theirs, arrays, random):
    """Ours and theirs give the same losses and, pulled back from the same random g, the same gradients."""
    leaves = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    loss = theirs(torch.nn.functional, *leaves)
    g = random.normal(size=tuple(loss.shape))
    loss.backward(torch.tensor(g))
    places = [place for place, array in enumerate(arrays) if array.dtype.kind == "f"]

    def of_floating(*floating):
        whole = list(map(jnp.asarray, arrays))
        for place, array in zip(places, floating, strict=True):
            whole[place] = array
        return ours(*whole)

    @jax.jit
    def both(g, *floating):
        value, pull = jax.vjp(of_floating, *floating)
        return value, pull(g)

    value, cotangents = both(g, *(arrays[place] for place in places))
    np.testing.assert_allclose(value, loss.detach(), rtol=1e-11, atol=1e-13)
    for cotangent, place in zip(cotangents, places, strict=True):
        np.testing.assert_allclose(cotangent, leaves[place].grad, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("batch", [7, 1])
@pytest.mark.parametrize("name", PYTORCH)
def test_a_loss_is_pytorchs_with_its_gradients(torch, random, double, name, batch):
    draw, settings, theirs = PYTORCH[name]
    ours = getattr(F, name.split()[0])
    agrees(torch, lambda *arrays: ours(*arrays, **settings), theirs, draw(random, batch), random)


@pytest.mark.parametrize(("ours", "theirs"), SETTINGS_OF_CLASSES)
def test_cross_entropy_with_its_settings_is_pytorchs(torch, random, double, ours, theirs):
    settings = {name: torch.tensor(v) if isinstance(v, np.ndarray) else v for name, v in theirs.items()}
    agrees(
        torch,
        lambda z, k: F.cross_entropy(z, k, **ours),
        lambda f, z, k: f.cross_entropy(z, k, **settings, **NONE),
        (classes if ours["ignored"] == -100 else strictly_classes)(random, 9),
        random,
    )


@pytest.mark.parametrize(("weights", "ignored"), [(None, -100), (WEIGHTS, -100), (WEIGHTS, 2)])
def test_negative_log_likelihood_is_pytorchs(torch, random, double, weights, ignored):
    log_probabilities, labels = (
        log_distributions(random, 9)[0],
        (classes if ignored < 0 else strictly_classes)(random, 9)[1],
    )
    settings = {} if weights is None else {"weight": torch.tensor(weights)}
    agrees(
        torch,
        lambda q, k: F.negative_log_likelihood(
            q, k, class_weights=1.0 if weights is None else weights, ignored=ignored
        ),
        lambda f, q, k: f.nll_loss(q, k, ignore_index=ignored, **settings, **NONE),
        (log_probabilities, labels),
        random,
    )


@pytest.mark.parametrize("weight", [1.0, 2.5, 0.0])
def test_binary_cross_entropy_with_a_positive_weight_is_pytorchs(torch, random, double, weight):
    agrees(
        torch,
        lambda z, k: F.binary_cross_entropy(z, k, positive_weight=weight),
        lambda f, z, k: f.binary_cross_entropy_with_logits(z, k.double(), pos_weight=torch.tensor(weight), **NONE),
        binary(random, 9),
        random,
    )


OPTAX = {
    "hinge": (signs, optax.hinge_loss),
    "perceptron": (signs, optax.losses.perceptron_loss),
    "multiclass_hinge": (strictly_classes, jax.vmap(lambda z, k: optax.losses.multiclass_hinge_loss(z, k))),
    "huber": (outputs, lambda y, t: optax.huber_loss(y, t).sum(-1)),
    "cross_entropy": (strictly_classes, optax.softmax_cross_entropy_with_integer_labels),
    "soft_cross_entropy": (distributions, optax.softmax_cross_entropy),
    "binary_cross_entropy": (binary, optax.sigmoid_binary_cross_entropy),
    "kl_divergence": (log_distributions, optax.kl_divergence),
    "triplet": (triplets, lambda a, p, q: optax.losses.triplet_margin_loss(a, p, q, eps=0)),
    "listwise_softmax": (outputs, lambda s, y: optax.losses.ranking_softmax_loss(s, y, reduce_fn=None)),
}


@pytest.mark.parametrize("name", OPTAX)
def test_a_loss_is_optaxs(random, double, name):
    draw, theirs = OPTAX[name]
    arrays = [jnp.asarray(array) for array in draw(random, 9)]
    with jax.numpy_dtype_promotion("standard"):
        expected = theirs(*arrays)
    np.testing.assert_allclose(getattr(F, name)(*arrays), expected, rtol=1e-12, atol=1e-14)
