"""Counts of operations and bytes against the formulas for a small MLP and a small convolutional network."""

import numpy as np

from benchmarks import limits
from benchmarks.competitors.workload import Workload


def test_operations_and_bytes_follow_the_formulas():
    inputs, labels = np.zeros((6, 5), np.float32), np.zeros(6, np.int32)
    mlp = Workload(inputs, labels, batch=2, epochs=1, learning_rate=0.1, hidden=(3,))
    assert limits.operations(mlp) == 3 * (3 * (2 * 2 * 5 * 3 + 2 * 2 * 3 * 10) - 2 * 2 * 5 * 3)
    params, signals = 5 * 3 + 3 + 3 * 10 + 10, 3 + 10
    assert limits.least_bytes(mlp, moments=2) == 4 * 3 * (params * 8 + 2 * (5 + 4 * signals))
    images = np.zeros((6, 4, 4, 1), np.float32)
    convnet = Workload(images, labels, batch=2, epochs=1, learning_rate=0.1, hidden=(), filters=(2,))
    forward = 2 * 2 * 16 * 9 * 2, 2 * 2 * 8 * 10
    assert limits.operations(convnet) == 3 * (3 * sum(forward) - forward[0])
