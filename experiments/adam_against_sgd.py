"""Does Adam work worse than SGD, and is it faster? Two verdicts, with the rate of each tuned by the same means.

An MLP on digits is trained for 40 epochs by SGD, by SGD with momentum and by Adam. Measured: the error on test images
in the end, and how many epochs it takes until the mean training loss of an epoch is below a tenth. For either the rate
is chosen first, from seven, by what it will be judged by: the mean error on dev, or the epochs, of sixteen networks of
other seeds.

    python -m experiments run adam_against_sgd [--full]      with --full on MNIST
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from experiments.images import digits, mnist
from jaxdl import models
from jaxdl.experiment import RATIO, Claim, Experiment, More, Panel, Regimes
from jaxdl.optimizers import adam, momentum, sgd
from jaxdl.training import Task, classification, population, supervised, train

RULES = {"sgd": sgd, "momentum": momentum, "adam": adam}
RATES = {
    "sgd": np.logspace(-2.5, 0.5, 7),
    "momentum": np.logspace(-3.5, -0.5, 7),
    "adam": np.logspace(-4, -1, 7),
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
    """How many epochs until the loss is low, its logarithm interpolated between them; all of them where it never is."""
    logs = jnp.log(jnp.concatenate([jnp.log(10.0)[None], losses]) / LOW)  # the first is that of an untrained network
    after = jnp.argmax(logs <= 0)
    share = logs[after - 1] / (logs[after - 1] - logs[after])
    return jnp.where((logs <= 0).any(), after - 1 + share, len(losses))


def on_dev(one, keys, rates, split):
    """What becomes of networks of other seeds at each of the rates, judged on dev: the mean of each rate."""
    others = jax.vmap(lambda key: jax.random.fold_in(key, OTHER))(keys[:TUNED_WITH])
    grid = jnp.repeat(others, len(rates)), jnp.tile(rates, TUNED_WITH)  # every seed at every rate
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
            yield f"{name}_rate_for_{what}", best


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
                    f"than {NAMES[name]}": More("adam_error", f"{name}_error", margin=0.005, expected_sd=0.005)
                    for name in ("sgd", "momentum")
                }
            ),
        ),
        Claim(
            "Adam brings the training loss down in fewer epochs than SGD.",
            Regimes(
                {
                    f"than {NAMES[name]}": More(
                        f"{name}_epochs", "adam_epochs", margin=1.2, expected_sd=0.2, scale=RATIO
                    )
                    for name in ("sgd", "momentum")
                }
            ),
        ),
    ),
    panels=tuple(
        Panel(metric, {f"{name}_{what}": shown for name, shown in NAMES.items()})
        for what, metric in {
            "error": "share of test images that are wrong",
            "epochs": "epochs until the training loss is 0.1",
            "rate_for_error": "learning rate with the least error on dev",
            "rate_for_epochs": "learning rate with the fewest epochs",
        }.items()
    ),
    seeds=32,
    measure=functools.partial(measure, images=digits, epochs=40, batch=32),
    full=functools.partial(measure, images=mnist, epochs=10, batch=128),
)
