"""A fixed permutation of all pixels hurts a convolutional network, and does nothing to an MLP.

Each seed draws a permutation, and trains both networks on a few images, as they are and with all pixels permuted in the
same way, train and test alike: the same numbers, but neighbours are no longer neighbours.

    python -m experiments run pixel_permutation [--full]      with --full on CIFAR-10
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import cifar10, digits
from jaxdl import data, models
from jaxdl.experiment import Claim, Every, Experiment, More, Panel, Same
from jaxdl.optimizers import adam
from jaxdl.training import Task, classification, population, supervised, train

NETWORKS = {"convnet": models.convnet((16, 32), (), 10), "mlp": models.mlp((64,), 10)}
TRAINED_ON, EPOCHS = 500, 30


def permuted(key, images):
    """The pixels of all images in one other order."""
    pixels = images.inputs.reshape(images.size, -1, images.inputs.shape[-1])
    order = jax.random.permutation(key, pixels.shape[1])
    return images._replace(inputs=pixels[:, order].reshape(images.inputs.shape))


def untouched(key, images):  # noqa: ARG001  the other one is given a key
    """The images as they are."""
    return images


def error(few, test, key, model, change):
    """The share of test images that a network gets wrong, trained on a few."""
    of_pixels, of_training = jax.random.split(key)
    few, test = (change(jax.random.clone(of_pixels), part) for part in (few, test))
    task = Task(model, supervised(model, F.cross_entropy), adam(1e-3), 50)
    state, _ = train(task, few, of_training, epochs=EPOCHS)
    return 1 - classification(model)(state, test)["accuracy"]


def measure(keys, images):
    """The error of both networks on both kinds of images, for each key."""
    split = images()
    few = data.take(split.train, jnp.arange(TRAINED_ON))
    for name, model in NETWORKS.items():
        for change in (untouched, permuted):
            one = functools.partial(error, model=model, change=change)
            yield f"{name}_{change.__name__}", population(one, keys, shared=(few, split.test))


experiment = Experiment(
    name="pixel_permutation",
    item=40,
    sentence="Locality -> nearby pixels are more strongly related than distant ones; objects are built up out of "
    "smaller parts",
    claims=(
        Claim(
            "A convolutional network makes more errors where neighbouring pixels are torn apart, and an MLP makes as "
            "many, to within one in a hundred.",
            Every(
                (
                    More("convnet_permuted", "convnet_untouched", margin=0.01, expected_sd=0.016),
                    Same("mlp_permuted", "mlp_untouched", margin=0.01, expected_sd=0.011),
                )
            ),
        ),
    ),
    panels=(
        Panel(
            "share of test images that are wrong",
            {
                "convnet_untouched": "convolutional, as they are",
                "convnet_permuted": "convolutional, permuted",
                "mlp_untouched": "MLP, as they are",
                "mlp_permuted": "MLP, permuted",
            },
        ),
    ),
    seeds=48,
    measure=functools.partial(measure, images=digits),
    full=functools.partial(measure, images=cifar10),
)
