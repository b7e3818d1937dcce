"""Networks, their training and the accuracy to reach, the same for jaxdl and PyTorch. Imports neither."""

import math
from collections.abc import Iterable
from typing import NamedTuple

LOWEST = 0.02  # final learning rate, as a fraction of the peak
EXTRA_EPOCHS = 4  # epochs at the final learning rate before training fails


class AccuracyGoal(NamedTuple):
    """A network, its training with Adam, and the test accuracy at which training stops.

    The learning rate falls from `peak` to `LOWEST * peak` along half a cosine and then stays there. The accuracy on the
    test images is measured after each epoch. Training stops once it reaches `accuracy`, and fails if that has not
    happened EXTRA_EPOCHS epochs after the learning rate has stopped falling.

    Attributes:
        accuracy: Test accuracy to reach, in [0, 1].
        filters: Filters of the convolutions; none for an MLP.
        hidden: Units of the hidden dense layers.
        batch: Batch size.
        peak: First and highest learning rate.
        epochs: Epochs during which the learning rate falls.
    """

    accuracy: float
    filters: tuple[int, ...]
    hidden: tuple[int, ...]
    batch: int
    peak: float
    epochs: int

    def learning_rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, with `steps` steps per epoch."""
        progress = min(1.0, step / (self.epochs * steps))
        return self.peak * (LOWEST + (1 - LOWEST) * (1 + math.cos(math.pi * progress)) / 2)


GOALS = {
    "97": AccuracyGoal(0.97, (), (256, 128), batch=128, peak=2e-3, epochs=2),
    "99": AccuracyGoal(0.99, (16, 32), (128,), batch=64, peak=3e-3, epochs=4),
}


def train_until_reached(goal: AccuracyGoal, accuracies: Iterable[float]) -> tuple[float, int]:
    """Train until the goal is reached, and return the accuracy and the number of epochs.

    Args:
        goal: The accuracy to reach.
        accuracies: Yields the test accuracy after each epoch; every item trains one epoch more.

    Returns:
        The first accuracy that reaches the goal, and the number of epochs.

    Raises:
        RuntimeError: If the goal is not reached within `goal.epochs + EXTRA_EPOCHS` epochs.
    """
    measured = []
    for accuracy in accuracies:
        measured.append(accuracy)
        if accuracy >= goal.accuracy:
            return accuracy, len(measured)
        if len(measured) >= goal.epochs + EXTRA_EPOCHS:
            break
    raise RuntimeError(
        f"accuracy must reach {goal.accuracy}, got {measured} after {len(measured)} epochs. Train for more epochs."
    )
