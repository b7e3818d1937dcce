"""What is trained until which accuracy, the same for jaxdl and PyTorch. Free of both."""

import math
from typing import NamedTuple

LOWEST, PATIENCE = 0.02, 4


class Course(NamedTuple):
    """Convolutions, dense layers, Adam with a rate that falls from a peak to almost nothing, and when to stop.

    The rate falls along half a cosine for so many epochs, and then stays. The accuracy on the test images is taken
    after each epoch, and the training ends where it reaches `accuracy`; it fails PATIENCE epochs after the rate is
    lowest.
    """

    accuracy: float
    filters: tuple[int, ...]
    hidden: tuple[int, ...]
    batch: int
    peak: float
    epochs: int

    def rate(self, step: int, steps: int) -> float:
        """The rate of a step, of so many in an epoch."""
        done = min(1.0, step / (self.epochs * steps))
        return self.peak * (LOWEST + (1 - LOWEST) * (1 + math.cos(math.pi * done)) / 2)


COURSES = {
    "97": Course(0.97, (), (256, 128), batch=128, peak=2e-3, epochs=2),
    "99": Course(0.99, (16, 32), (128,), batch=64, peak=3e-3, epochs=4),
}


def until_reached(course: Course, epochs) -> tuple[float, int]:
    """Take accuracies until one is high enough; it, and how many it took. Raises RuntimeError where none is."""
    seen = []
    for accuracy in epochs:
        seen.append(accuracy)
        if accuracy >= course.accuracy:
            return accuracy, len(seen)
        if len(seen) >= course.epochs + PATIENCE:
            break
    raise RuntimeError(f"accuracy must reach {course.accuracy}, but was {seen} after the epochs: train for longer.")
