"""A published training run, repeated by derivations written by hand, to the last published digit.

M. Nielsen, *Neural Networks and Deep Learning* (2015), chapter 3, shows how a network 784-30-10 overfits the first
1,000 images of MNIST, and publishes the raw curves: test images classified correctly and the training cost after every
epoch. The first weights and the order of batches are those of its generators; every gradient is swept by hand.

    JAXDL_DATA=DIR python -m experiments run published_run      with DIR/mnist.npz, in the original order
"""

import itertools
import random

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from experiments.images import path_of
from jaxdl.backpropagation import forward, layer, sgd_by_hand
from jaxdl.experiment import Claim, Exact, Experiment, Panel

NETWORK = tuple(map(layer, (F.dense, F.sigmoid, F.dense, F.sigmoid_cross_entropy)))
SEED = 12345678
EXAMPLES, BATCH, RATE = 1000, 10, 0.5
PUBLISHED = {
    # epoch: test images of 10,000 classified correctly, training cost
    1: (5887, 1.843364786033),
    2: (6505, 1.477743422760),
    3: (6970, 1.207286129598),
    4: (7271, 1.013312292917),
    5: (7433, 0.904631558057),
    10: (7899, 0.477906227278),
    100: (8173, 0.024889083318),
    400: (8223, 0.004201644429),
}
DIGITS = 5e-13  # what rounding to twelve decimals leaves open
TESTED = 10_000


def start(sizes=(784, 30, 10)):
    """The first parameters: all biases, then all weights, N(0, 1); a first draw is thrown away."""
    generator = np.random.RandomState(SEED)
    for _ in range(2):
        biases = [generator.randn(size, 1)[:, 0] for size in sizes[1:]]
        weights = [generator.randn(*shape).T for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    return ((weights[0], biases[0]), (), (weights[1], biases[1]))


def orders(examples=EXAMPLES):
    """The order of the examples in each epoch: Python 2's shuffle, which went on from the last order."""
    draw, order = random.Random(SEED), list(range(examples))
    while True:
        for i in reversed(range(1, examples)):
            j = int(draw.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield np.array(order)


def mnist():
    """MNIST in its original order, pixels over 256: the first images with their targets, and all test images.

    Raises Unavailable where it is not to be found.
    """
    with np.load(path_of("mnist.npz")) as arrays:
        images, labels = arrays["x_train"][:EXAMPLES], arrays["y_train"][:EXAMPLES]
        tested, answers = arrays["x_test"], arrays["y_test"]
    inputs, tested = (jnp.asarray(x.reshape(len(x), -1) / np.float32(256), jnp.float64) for x in (images, tested))
    return inputs, jnp.eye(10)[labels], tested, jnp.asarray(answers)


@jax.jit
def epoch(params, order, inputs, targets, tested, answers):
    """One epoch by hand: the parameters after it, the test images that are then right, and the training cost."""
    batches = tuple(array[order].reshape(-1, BATCH, array.shape[1]) for array in (inputs, targets))
    params, _ = sgd_by_hand(NETWORK, params, batches, RATE)
    cost = forward(NETWORK, (*params, (targets,)), inputs)[0].mean()
    scores, _ = forward(NETWORK[:-1], params, tested)
    return params, (scores.argmax(axis=1) == answers).sum(), cost


def epochs():
    """The count and the cost after each epoch, without end; in float64."""
    with jax.enable_x64(True):
        data, params = mnist(), start()
    for order in orders():
        with jax.enable_x64(True):  # and not while the caller has its turn
            params, correct, cost = epoch(params, order, *data)
        yield int(correct), float(cost)


def measure(_):
    """Cost and share of wrong test images, published and computed here; nothing is drawn from the keys."""
    ran = dict(enumerate(itertools.islice(epochs(), max(PUBLISHED)), 1))
    for whose, curve in {"published": PUBLISHED, "ours": ran}.items():
        for number in PUBLISHED:
            correct, cost = curve[number]
            yield (f"{whose}_cost", number), [cost]
            yield (f"{whose}_error", number), [1 - correct / TESTED]


def apart(measured):
    """By how much costs, and numbers of wrong images, differ from the published ones."""
    ours, published = (
        np.array([[measured[f"{whose}_{what}", number][0] for number in PUBLISHED] for what in ("cost", "error")])
        for whose in ("ours", "published")
    )
    return abs(ours[0] - published[0]), np.rint(TESTED * ours[1]) - np.rint(TESTED * published[1])


def holds(measured):
    """Every count and every digit must be the published one."""
    costs, wrong = apart(measured)
    return not wrong.any() and costs.max() <= DIGITS


def found(measured):
    """How many of both are the published ones."""
    costs, wrong = apart(measured)
    return (
        f"Of the {len(PUBLISHED)} published epochs, {int((wrong == 0).sum())} have the same number of test images "
        f"classified correctly, and {int((costs <= DIGITS).sum())} the same training cost to twelve decimals (largest "
        f"difference {costs.max():.1e})."
    )


experiment = Experiment(
    name="published_run",
    item=34,
    sentence="Training - SGD, backprop",
    claims=(
        Claim(
            "Gradients swept by hand train as they did where a run was published: every count, every digit again.",
            Exact(
                "after each of the 8 published epochs the number of test images classified correctly is the published "
                "one and the training cost agrees with it to the 12 decimals that were published",
                holds,
                found,
            ),
        ),
    ),
    panels=tuple(
        Panel(metric, {f"published_{what}": "published", f"ours_{what}": "by hand"}, over=("epoch", tuple(PUBLISHED)))
        for what, metric in {"cost": "training cost (nats)", "error": "share of test images that are wrong"}.items()
    ),
    seeds=1,
    measure=measure,
)
