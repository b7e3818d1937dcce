"""Train with PyTorch until a test accuracy is reached: `python -m benchmarks.to_accuracy.by_pytorch 97 SEED`.

Eager, on all cores, with channels-last images and fused Adam. This is the fastest way from a new interpreter for
networks of this size, because `torch.compile` takes longer than it saves.
"""

import json
import math
import sys

import torch
from torch.nn.functional import cross_entropy

from benchmarks.competitors.mnist import mnist
from benchmarks.to_accuracy.goals import GOALS, train_until_reached


def model_of(goal):
    """Return the network, initialized as in jaxdl."""
    layers, features = [], 1
    for filters in goal.filters:
        layers += [torch.nn.Conv2d(features, filters, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        features = filters
    layers.append(torch.nn.Flatten())
    features *= math.prod(2 * [28 // 2 ** len(goal.filters)])
    for width in (*goal.hidden, 10):
        layers += [torch.nn.Linear(features, width), torch.nn.ReLU()]
        features = width
    for weights in torch.nn.Sequential(*layers).parameters():
        torch.nn.init.zeros_(weights) if weights.ndim == 1 else torch.nn.init.kaiming_normal_(weights)
    return torch.nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)


def accuracies(goal, seed):
    """Train one epoch at a time and yield the accuracy on the test images after each."""
    torch.manual_seed(seed)
    (images, labels), (test_images, test_labels) = (_tensors(*part) for part in mnist())
    model, steps, step = model_of(goal), len(labels) // goal.batch, 0
    optimizer = torch.optim.Adam(model.parameters(), goal.peak, fused=True)
    while True:
        for rows in torch.randperm(len(labels))[: steps * goal.batch].view(steps, goal.batch):
            optimizer.param_groups[0]["lr"] = goal.learning_rate(step, steps)
            loss = cross_entropy(model(images.index_select(0, rows)), labels.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        with torch.no_grad():
            batches = zip(test_images.split(1000), test_labels.split(1000), strict=True)
            correct = sum((model(inputs).argmax(1) == expected).sum() for inputs, expected in batches)
        yield int(correct) / len(test_labels)


def _tensors(images, labels):
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(labels).long()


if __name__ == "__main__":
    goal = GOALS[sys.argv[1]]
    print(json.dumps(train_until_reached(goal, accuracies(goal, int(sys.argv[2])))))
