"""Adam works worse than SGD but is faster: two verdicts, with the rate of each tuned by the same means.

An MLP on digits is trained for 40 epochs by SGD, by SGD with momentum and by Adam. Told is the error on the test images
at the end, and how many epochs it took until the mean training loss of one was below a tenth. For each the rate is
chosen first, from seven, by what it will be judged by: the mean error on dev, or the epochs, of sixteen networks of
other seeds.

    python -m experiments run adam_against_sgd [--full]      with --full on MNIST
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits, mnist
from jaxdl import models
from jaxdl.experiment import RATIO, Claim, Experiment, More, Panel, Regimes
from jaxdl.optimizers import adam, momentum, sgd
from jaxdl.training import Task, classification, population, supervised, train

RULES = {"sgd": sgd, "momentum": momentum, "adam": adam}
RATES = {
    name: [10 ** (exponent / 2) for exponent in range(*ends)]
    for name, ends in {
        "sgd": (-5, 2),
        "momentum": (-7, 0),
        "adam": (-8, -1),
    }.items()
}
MODEL = models.mlp((64,), 10)
TUNED_WITH, LOW, OTHER = 16, 0.1, 1_000_003


def trained(examples, judged, key, rate, rule, epochs, batch):
    """The error of a network in the end, and the epochs until its training loss was low."""
    task = Task(MODEL, supervised(MODEL, F.cross_entropy), rule(rate), batch)
    state, history = train(task, examples, key, epochs=epochs)
    return {
        "error": 1 - classification(MODEL)(state, judged)["accuracy"],
        "epochs": epochs_until_low(history.loss),
    }


def epochs_until_low(losses):
    """The first epoch, a fraction of it included, at which the loss is low; the number of epochs where it never is."""
    logs = jnp.log(jnp.concatenate([jnp.log(10.0)[None], losses]) / LOW)  # an untrained network has ln 10
    after = jnp.argmax(logs <= 0)
    share = logs[after - 1] / (logs[after - 1] - logs[after])
    return jnp.where((logs <= 0).any(), after - 1 + share, len(losses))


def on_dev(one, keys, rates, split):
    """What becomes of networks of other seeds at each of the rates, judged on dev: the mean of each rate."""
    others = jax.vmap(lambda key: jax.random.fold_in(key, OTHER))(keys[:TUNED_WITH])
    grid = jnp.repeat(others, len(rates)), jnp.tile(rates, TUNED_WITH)
    found = population(one, *grid, shared=(split.train, split.dev))
    return {what: each.reshape(TUNED_WITH, len(rates)).mean(axis=0) for what, each in found.items()}


def measure(keys, images, epochs, batch):
    """Error and epochs of each rule, each at the rate that is best for it, for each key."""
    split = images()
    for name, rule in RULES.items():
        one = functools.partial(trained, rule=rule, epochs=epochs, batch=batch)
        rates = jnp.array(RATES[name])
        for what, means in on_dev(one, jax.random.clone(keys), rates, split).items():
            best = jnp.full(len(keys), rates[means.argmin()])
            yield f"{name}_{what}", population(one, keys, best, shared=(split.train, split.test))[what]
            yield f"{name}_{what}_rate", best


NAMES = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam"}
experiment = Experiment(
    name="adam_against_sgd",
    item=104,
    sentence="Actually works worse than SGD but it's faster",
    claims=(
        Claim(
            "A network trained by Adam makes more errors on test images than one trained by SGD.",
            Regimes(
                {
                    f"than {NAMES[name]}": More("adam_error", f"{name}_error", margin=0.005, spread=0.005)
                    for name in ("sgd", "momentum")
                }
            ),
        ),
        Claim(
            "Adam brings the training loss down in fewer epochs than SGD.",
            Regimes(
                {
                    f"than {NAMES[name]}": More(f"{name}_epochs", "adam_epochs", margin=1.2, spread=0.15, scale=RATIO)
                    for name in ("sgd", "momentum")
                }
            ),
        ),
    ),
    panels=tuple(
        Panel(metric, {f"{name}_{what}": told for name, told in NAMES.items()})
        for what, metric in {
            "error": "share of test images that are wrong",
            "epochs": "epochs until the training loss is 0.1",
            "error_rate": "learning rate with the least error on dev",
            "epochs_rate": "learning rate with the fewest epochs",
        }.items()
    ),
    seeds=32,
    measure=functools.partial(measure, images=digits, epochs=40, batch=32),
    full=functools.partial(measure, images=mnist, epochs=10, batch=128),
)
