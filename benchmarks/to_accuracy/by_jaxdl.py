"""Train with jaxdl until a test accuracy is reached: `python -m benchmarks.to_accuracy.by_jaxdl 97 SEED`."""

import json
import sys

import jax
import optax

import jaxdl.functional as F
from benchmarks.competitors.mnist import mnist
from benchmarks.to_accuracy.goals import GOALS, LOWEST, train_until_reached
from jaxdl import data, models, optimizers
from jaxdl.metrics import accuracy
from jaxdl.system import startup
from jaxdl.training import Task, resume, start


def accuracies(goal, seed):
    """Train one epoch at a time and yield the accuracy on the test images after each."""
    images, test = (jax.device_put(data.from_arrays(*part)) for part in mnist())
    steps = images.size // goal.batch
    model = models.convnet(goal.filters, goal.hidden, 10) if goal.filters else models.mlp(goal.hidden, 10)
    learning_rate = optax.cosine_decay_schedule(goal.peak, goal.epochs * steps, LOWEST)
    task = Task(model, F.cross_entropy, optimizers.adam(learning_rate), goal.batch, metrics={"accuracy": accuracy})

    @jax.jit
    def epoch(images, test, state):
        state, history = resume(task, images, state, epochs=1, dev=test)
        return state, history.observed["accuracy"][-1]

    state = jax.jit(lambda images, key: start(task, images, key))(images, jax.random.key(seed))
    while True:
        state, reached = epoch(images, test, state)
        yield float(reached)


if __name__ == "__main__":
    startup.prepare()
    goal = GOALS[sys.argv[1]]
    print(json.dumps(train_until_reached(goal, accuracies(goal, int(sys.argv[2])))))
