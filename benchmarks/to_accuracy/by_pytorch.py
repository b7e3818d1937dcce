"""Train with PyTorch until a test accuracy is reached: `python -m benchmarks.to_accuracy.by_pytorch 97 SEED`.

Eager, with all cores, channels last and the fused Adam: what is fastest for networks of this size from a fresh start,
since `torch.compile` takes longer than it saves.
"""

import json
import math
import sys

import torch
from torch.nn.functional import cross_entropy

from benchmarks.mnist import mnist
from benchmarks.to_accuracy.course import COURSES, until_reached


def model_of(course):
    """The network, drawn as jaxdl draws it."""
    layers, features = [], 1
    for filters in course.filters:
        layers += [torch.nn.Conv2d(features, filters, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        features = filters
    layers.append(torch.nn.Flatten())
    features *= math.prod(2 * [28 // 2 ** len(course.filters)])
    for width in (*course.hidden, 10):
        layers += [torch.nn.Linear(features, width), torch.nn.ReLU()]
        features = width
    for weights in torch.nn.Sequential(*layers).parameters():
        torch.nn.init.zeros_(weights) if weights.ndim == 1 else torch.nn.init.kaiming_normal_(weights)
    return torch.nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)


def accuracies(course, seed):
    """Train an epoch at a time; the accuracy on the test images after each."""
    torch.manual_seed(seed)
    (images, labels), (test_images, test_labels) = (_tensors(*part) for part in mnist())
    model, steps, taken = model_of(course), len(labels) // course.batch, 0
    optimizer = torch.optim.Adam(model.parameters(), course.peak, fused=True)
    while True:
        for rows in torch.randperm(len(labels))[: steps * course.batch].view(steps, course.batch):
            optimizer.param_groups[0]["lr"] = course.rate(taken, steps)
            loss = cross_entropy(model(images.index_select(0, rows)), labels.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            taken += 1
        with torch.no_grad():
            parts = zip(test_images.split(1000), test_labels.split(1000), strict=True)
            right = sum((model(inputs).argmax(1) == numbers).sum() for inputs, numbers in parts)
        yield int(right) / len(test_labels)


def _tensors(images, labels):
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(labels).long()


if __name__ == "__main__":
    course = COURSES[sys.argv[1]]
    print(json.dumps(until_reached(course, accuracies(course, int(sys.argv[2])))))
