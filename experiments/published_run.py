"""Claim: training with hand-written gradients reproduces a published run to the last published digit.

M. Nielsen, *Neural Networks and Deep Learning* (2015), chapter 3, shows how a 784-30-10 network overfits the first
1,000 images of MNIST, and publishes the number of correctly classified test images and the training cost after every
epoch. Arms: the published run, and the same run with jaxdl's hand-written gradients, the same initial weights and the
same order of batches. Metrics: test error and training cost after 8 of the published epochs.

    JAXDL_DATA=DIR python -m experiments run published_run      with DIR/mnist.npz, in the original order
"""

import itertools
import random

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl.backpropagation import forward, layer, sgd_by_hand
from jaxdl.experiment import Claim, Exact, Experiment, Panel

from .images import path_of

NETWORK = tuple(map(layer, (F.dense, F.sigmoid, F.dense, F.sigmoid_binary_cross_entropy)))
SEED = 12345678
EXAMPLES, BATCH, LEARNING_RATE = 1000, 10, 0.5
PUBLISHED = {
    # epoch: correctly classified test images of 10,000, training cost
    1: (5887, 1.843364786033),
    2: (6505, 1.477743422760),
    3: (6970, 1.207286129598),
    4: (7271, 1.013312292917),
    5: (7433, 0.904631558057),
    10: (7899, 0.477906227278),
    100: (8173, 0.024889083318),
    400: (8223, 0.004201644429),
}
TOLERANCE = 5e-13  # the published costs are rounded to twelve decimals
TEST_IMAGES = 10_000


def initial_params(sizes=(784, 30, 10)):
    """Draw initial parameters from N(0, 1), all biases and then all weights; the first of two draws is discarded."""
    generator = np.random.RandomState(SEED)
    for _ in range(2):
        biases = [generator.randn(size, 1)[:, 0] for size in sizes[1:]]
        weights = [generator.randn(*shape).T for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    return ((weights[0], biases[0]), (), (weights[1], biases[1]))


def orders(examples=EXAMPLES):
    """Yield the order of the examples in each epoch: the shuffle of Python 2, which continues from the last order."""
    draw, order = random.Random(SEED), list(range(examples))
    while True:
        for i in reversed(range(1, examples)):
            j = int(draw.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield np.array(order)


def mnist():
    """Load MNIST in its original order, pixels divided by 256: the first training images with targets, all test images.

    Raises Unavailable if the file is not found.
    """
    with np.load(path_of("mnist.npz")) as arrays:
        images, labels = arrays["x_train"][:EXAMPLES], arrays["y_train"][:EXAMPLES]
        test_images, test_labels = arrays["x_test"], arrays["y_test"]
    inputs, test_inputs = (
        jnp.asarray(x.reshape(len(x), -1) / np.float32(256), jnp.float64) for x in (images, test_images)
    )
    return inputs, jnp.eye(10)[labels], test_inputs, jnp.asarray(test_labels)


@jax.jit
def epoch(params, order, inputs, targets, test_inputs, test_labels):
    """Train one epoch by hand; return the parameters, the number of correct test images and the training cost."""
    batches = tuple(array[order].reshape(-1, BATCH, array.shape[1]) for array in (inputs, targets))
    params, _ = sgd_by_hand(NETWORK, params, batches, LEARNING_RATE)
    cost = forward(NETWORK, (*params, (targets,)), inputs)[0].mean()
    scores, _ = forward(NETWORK[:-1], params, test_inputs)
    return params, (scores.argmax(axis=1) == test_labels).sum(), cost


def epochs():
    """Yield the number of correct test images and the training cost after each epoch, in float64, without end."""
    with jax.enable_x64(True):
        data, params = mnist(), initial_params()
    for order in orders():
        with jax.enable_x64(True):  # not during the yield, where the caller's code runs
            params, correct, cost = epoch(params, order, *data)
        yield int(correct), float(cost)


def measure(_):
    """Yield training cost and test error, published and reproduced; the keys are not used."""
    reproduced = dict(enumerate(itertools.islice(epochs(), max(PUBLISHED)), 1))
    for run, curve in {"published": PUBLISHED, "ours": reproduced}.items():
        for number in PUBLISHED:
            correct, cost = curve[number]
            yield (f"{run}_cost", number), [cost]
            yield (f"{run}_error", number), [1 - correct / TEST_IMAGES]


def differences(measured):
    """Return the differences from the published run in training cost and in the number of misclassified images."""
    ours, published = (
        np.array([[measured[f"{run}_{metric}", number][0] for number in PUBLISHED] for metric in ("cost", "error")])
        for run in ("ours", "published")
    )
    return abs(ours[0] - published[0]), np.rint(TEST_IMAGES * ours[1]) - np.rint(TEST_IMAGES * published[1])


def holds(measured):
    """Return whether every count and every digit is the published one."""
    costs, counts = differences(measured)
    return not counts.any() and costs.max() <= TOLERANCE


def finding(measured):
    """Describe in how many epochs counts and costs are the published ones."""
    costs, counts = differences(measured)
    return (
        f"Of the {len(PUBLISHED)} compared epochs, {int((counts == 0).sum())} have the same number of correctly "
        f"classified test images, and {int((costs <= TOLERANCE).sum())} the same training cost to twelve decimals "
        f"(largest difference {costs.max():.1e})."
    )


experiment = Experiment(
    name="published_run",
    item=34,
    sentence="Training - SGD, backprop",
    claims=(
        Claim(
            "Training with hand-written gradients reproduces Nielsen's published run (2015): after 8 of its 400 "
            "epochs, the number of correct test images and all 12 decimals of the training cost are the same.",
            Exact(
                "after each of 8 epochs the number of correctly classified test images is the published "
                "one and the training cost agrees to the 12 published decimals",
                holds,
                finding,
            ),
        ),
    ),
    panels=tuple(
        Panel(
            metric,
            {f"published_{arm}": "published", f"ours_{arm}": "hand-written gradients"},
            over=("epoch", tuple(PUBLISHED)),
        )
        for arm, metric in {"cost": "training cost (nats)", "error": "test error (share of images)"}.items()
    ),
    seeds=1,
    measure=measure,
)
