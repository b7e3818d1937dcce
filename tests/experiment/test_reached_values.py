"""Every value that a measurement refers to counts, with the state that its class or its type hides."""

import collections
import dataclasses
import functools
import random
import sys
import threading
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.experiment.reached import reached_by


def using(value):
    return functools.partial(lambda keys, value: [("a", [value] * len(keys))], value=value)


class Settings(dict):
    pass


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))
long = np.arange(10_000.0)
VALUES = [
    *(1, 1.0, True, None, "1", b"1", 1j, np.float32(1), np.float64(1), jnp.float32(1), float("nan"), -0.0, 0.0),
    *([1, 2], (1, 2), {1: 2}, {2: 1}, {1, 2}, frozenset({1, 2}), Settings({1: 2}), range(3), slice(3), ...),
    *(long, np.where(long == 5_000, -1, long), long.astype(np.float32), long.reshape(100, 100), jnp.arange(3)),
    *(jax.random.key(0), jax.random.key(1), np.array(["a", None], object), np.array(["b", None], object)),
    *(F.relu, F.softplus, np.exp, np.sin, jnp.exp, len, sorted, int, float, data.Dataset, training.Task),
    *(jax.jit(F.relu), jax.jit(F.softplus), jax.jit(lambda x: x + 1), jax.jit(lambda x: x + 2), doubled),
    *(optax.sgd(0.1), optax.sgd(0.2), optimizers.adam(0.1), optimizers.adam(0.2), optimizers.adam(0.1, b1=0.5)),
    *(models.mlp((3,), 2), models.mlp((4,), 2), models.mlp((3,), 2, activation=F.tanh), models.convnet((3,), (), 2)),
    *("text".join, "other".join, types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), F, np),
    *(np.random.default_rng(0), np.random.default_rng(1), functools.partial(int, base=2), functools.partial(int, "1")),
]


def test_every_value_counts():
    reached = [reached_by(using(value)) for value in VALUES]
    digests = [each.digest for each in reached]
    assert [VALUES[number] for number, digest in enumerate(digests) if digests.count(digest) > 1] == []
    assert {each.unknown for each in reached} == {()}


def test_values_that_are_equal_have_equal_digests():
    pairs = [(long, long.copy()), ({"a", "b"}, {"b", "a"}), (models.mlp((3,), 2), models.mlp((3,), 2))]
    pairs += [(optimizers.adam(0.1), optimizers.adam(0.1)), (np.random.default_rng(0), np.random.default_rng(0))]
    assert [pair for pair in pairs if len({reached_by(using(value)).digest for value in pair}) == 2] == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [(threading.Lock(), "lock"), ((number for number in [1]), "generator"), ([{"a": iter([1])}], "list_iterator")],
)
def test_what_cannot_be_read_is_named(value, kind):
    if kind == "list_iterator":  # its state can be read
        assert reached_by(using(value)).unknown == ()
    else:
        assert reached_by(using(value)).unknown == (f"measure is or contains a {kind}, whose state cannot be read",)


def test_a_package_that_opens_files_unseen_is_named():
    def measure(keys):
        import sqlite3

        return sqlite3.connect(keys)

    assert reached_by(measure).unknown == ("it uses sqlite3, which may read files that Python does not see",)
    assert reached_by(using(data.load)).unknown == ()  # jaxdl announces what it reads


def test_the_state_of_global_generators_and_replaced_functions_count(monkeypatch):
    def drawn(keys):
        return np.random.normal(size=len(keys)) + random.random() + len(sys.argv)

    def smoothed(keys):
        return np.median(keys)

    digests = [reached_by(drawn).digest]
    for change in (lambda: np.random.seed(1), lambda: random.seed(1), lambda: monkeypatch.setattr(sys, "argv", ["a"])):
        change()
        digests.append(reached_by(drawn).digest)
    assert len(set(digests)) == 4
    before = reached_by(smoothed).digest
    monkeypatch.setattr(np, "median", lambda values: values[0])
    assert reached_by(smoothed).digest != before


class Growing(list):
    pass


def made_of(kind, content, **attributes):
    value = kind(content)
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


HIDDEN = [
    *(collections.defaultdict(lambda: 1), collections.defaultdict(lambda: 2)),
    *(made_of(Growing, [1], factor=1), made_of(Growing, [1], factor=2)),
    *(made_of(type("Number", (float,), {}), 1.0, factor=factor) for factor in (1, 2)),
    *(np.ma.masked_array([1.0, 2.0], mask) for mask in ([0, 1], [1, 0])),
    *(np.ma.masked_array([1.0, 2.0], [0, 1], fill_value=value) for value in (7, 8)),
    *(dataclasses.make_dataclass("Made", [("x", int, value)])() for value in (1, 2)),
    *(dataclasses.make_dataclass("Made", [("x", list, dataclasses.field(default_factory=f))]) for f in (list, tuple)),
    *(functools.wraps(f)(lambda keys: keys) for f in (lambda keys: 1, lambda keys: 2)),
]


def test_states_that_a_copy_by_content_would_lack_count():
    digests = [reached_by(using(value)).digest for value in HIDDEN]
    assert [HIDDEN[number] for number, digest in enumerate(digests) if digests.count(digest) > 1] == []
    assert "np.frompyfunc" in reached_by(using(np.frompyfunc(lambda x: x, 1, 1))).unknown[0]


def test_a_handle_of_a_file_cannot_be_read():
    with open(__file__) as file:
        assert "TextIOWrapper" in reached_by(using(file)).unknown[0]
