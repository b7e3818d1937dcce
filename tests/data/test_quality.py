import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.dataset import Dataset, Split, from_arrays, take
from jaxdl.data.quality import class_balance, conflicting_labels, leakage
from jaxdl.data.splits import random_split, stratified_split

COLUMNS = {
    "numbers": [1.5, np.nan, 0.0, 1e300],
    "whole": [1, 2, 3, 2**62],
    "dates": np.array(["2024-01-01", "NaT", "1969-12-31", "2024-01-01T00:00:00.000001"], "datetime64[us]"),
    "names": np.array(["cat", None, "", "None"], object),
    "fixed": np.array(["cat", "dog", "", "a longer name"]),
    "yes": [True, False, True, False],
}
COLUMNS = {name: np.asarray(values) for name, values in COLUMNS.items()}


def dataset(inputs, labels=None):
    size = len(jax.tree.leaves(inputs)[0])
    return Dataset(inputs, np.zeros(size, int) if labels is None else np.asarray(labels), np.ones(size, np.float32))


def split_with_duplicates(random, inputs):
    """Split 300 distinct examples; repeat 5 of train in dev and 3 in test, 2 of dev in test, and 4 within train."""
    order = random.permutation(300)
    train, dev, test = order[:200], order[200:250], order[250:]
    train = np.append(train, train[[0, 0, 1, 2]])
    dev = np.append(dev, [*train[10:14], train[0]])
    test = np.append(test, [*train[20:22], train[20], *dev[:2]])
    return Split(*(dataset(jax.tree.map(lambda array: array[rows], inputs)) for rows in (train, dev, test)))


ARRAYS = {
    "a table": lambda random: random.normal(size=(300, 4)).astype(np.float32),
    "images of jax": lambda random: jnp.asarray(random.normal(size=(300, 5, 5, 2)), jnp.float32),
    "bytes": lambda random: random.integers(0, 256, (300, 8), np.uint8),
    "a number": lambda random: random.permutation(300),
    "half precision": lambda random: jnp.asarray(random.permutation(300) - 150)[:, None].astype(jnp.bfloat16) / 8,
    "texts": lambda random: np.char.add("text ", random.permutation(300).astype(str)),
    "pairs of texts": lambda random: np.stack([np.arange(300) // 20, np.arange(300) % 20], axis=1).astype(str),
    "columns": lambda random: {
        "date": np.datetime64("2024-01-01", "us") + random.integers(0, 3, 300),
        "name": np.array([None, "", "a", "b"], object)[random.integers(0, 4, 300)],
        "number": np.where(np.arange(300) % 3 == 0, np.nan, 1.0),
        "other": np.arange(300) // 3,
        "which": np.arange(300) % 3,
    },
}


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS.keys())
def test_planted_duplicates_are_found(random, make):
    found = leakage(split_with_duplicates(random, make(random)))
    assert found == (5, 3, 2, 4)
    assert found._asdict() == {"dev_in_train": 5, "test_in_train": 3, "test_in_dev": 2, "repeated_in_train": 4}


def test_examples_that_differ_in_the_last_bit_are_no_duplicates(random):
    exact = random.normal(size=(100, 3)).astype(np.float32)
    near = exact.copy()
    near[:, 1] = np.nextafter(near[:, 1], np.float32(9))
    more = exact[:, [1, 0, 2]]
    assert leakage(Split(dataset(exact), dataset(near), dataset(more))) == (0, 0, 0, 0)


def test_columns_and_arrays_give_the_same_counts(random):
    array = random.integers(0, 3, (400, 3)).astype(np.float32)
    array[random.random((400, 3)) < 0.2] = np.nan
    columns = {name: array[:, number] for number, name in enumerate("abc")}
    named = {
        name: np.array([None if np.isnan(v) else f"{v}" for v in values], object) for name, values in columns.items()
    }
    rows = np.split(np.arange(400), [40, 80])
    found = [leakage(Split(*(take(dataset(inputs), at) for at in rows))) for inputs in (array, columns, named)]
    assert found[0] == found[1] == found[2]
    train, dev, test = ([tuple(np.nan_to_num(row, nan=-1).tolist()) for row in array[at]] for at in rows)
    assert found[0] == (
        sum(row in train for row in dev),
        sum(row in train for row in test),
        sum(row in dev for row in test),
        len(train) - len(set(train)),
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_exactly_the_equal_cells_count_as_equal(name):
    """A column compared with itself: every example matches once, also a missing value."""
    one = dataset({name: COLUMNS[name]})
    distinct = len(set(map(str, COLUMNS[name]))) if name == "yes" else 4
    assert leakage(Split(one, one, take(one, [0]))) == (4, 1, 1, 4 - distinct)


def test_zeros_and_missing_values_are_equal_despite_different_bits():
    other_nan = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    train = dataset(np.array([[0.0, np.nan]], np.float32))
    same = dataset(np.array([[-0.0, other_nan], [0.0, -np.float32(np.nan)]], np.float32))
    assert leakage(Split(train, same, same)) == (2, 2, 2, 0)


def test_text_is_compared_across_array_widths():
    short, long = dataset({"a": np.array(["x", "y"])}), dataset({"a": np.array(["x", "much longer"])})
    assert leakage(Split(short, long, long)) == (1, 1, 2, 0)


def test_adjacent_cells_are_not_concatenated():
    columns = {"a": np.array(["xy", "x"]), "b": np.array(["z", "yz"])}
    one = dataset(columns)
    assert leakage(Split(take(one, [0]), take(one, [1]), take(one, [1]))) == (0, 0, 1, 0)


def test_a_split_of_distinct_examples_does_not_leak():
    whole = from_arrays(np.arange(50.0)[:, None], np.arange(50) % 2)
    assert leakage(stratified_split(jax.random.key(0), whole)) == (0, 0, 0, 0)


def test_classes_are_counted_in_every_part_in_order():
    train, dev, test = (from_arrays(np.zeros((len(labels), 1)), labels) for labels in ([2, 0, 2], [0], [10, 2, 2, 2]))
    balance = class_balance(Split(train, dev, test))
    assert list(balance.items()) == [(0, (1, 1, 0)), (2, (2, 0, 3)), (10, (0, 0, 1))]
    assert balance[2].test == 3


@pytest.mark.parametrize("kind", [str, object])
def test_class_names_are_counted(kind):
    names = [["dog", "cat", "dog"], ["horse"], ["cat"]]
    split = Split(*(dataset(np.zeros((len(part), 1)), np.array(part, kind)) for part in names))
    assert list(class_balance(split).items()) == [("cat", (1, 0, 1)), ("dog", (2, 0, 0)), ("horse", (0, 1, 0))]


def test_missing_labels_come_last():
    split = Split(
        *(dataset(np.zeros((2, 1)), np.array(part, object)) for part in ([None, "b"], ["a", None], ["a", "b"]))
    )
    assert list(class_balance(split)) == ["a", "b", None]


def test_a_stratified_split_has_balanced_counts():
    whole = from_arrays(np.zeros((145, 1)), np.repeat([0, 1, 2], [10, 100, 35]))
    balance = class_balance(stratified_split(jax.random.key(0), whole))
    assert list(balance.values()) == [(6, 2, 2), (60, 20, 20), (21, 7, 7)]


def test_regression_targets_raise_an_error():
    split = random_split(jax.random.key(0), from_arrays(np.zeros((9, 1)), np.zeros((9, 1))))
    with pytest.raises(TypeError, match=r"labels must be class numbers or names .*, got the shape \([0-9], 1\)"):
        class_balance(split)


@pytest.mark.parametrize(
    ("labels", "conflicting"),
    [
        ([0, 0, 0, 0, 0, 1, 1], 0),
        ([0, 1, 0, 0, 0, 1, 1], 3),
        ([0, 1, 2, 0, 1, 1, 1], 5),
        (["a", "a", "b", "c", "c", "d", "d"], 3),
        ([[0.5], [0.5], [0.5], [0.1], [0.2], [0.5], [0.5]], 2),
    ],
)
def test_equal_inputs_with_different_labels_are_counted(labels, conflicting):
    """Three inputs are equal, two others are equal, and two are distinct."""
    assert (
        conflicting_labels(dataset(np.array([[1.0], [1.0], [1.0], [2.0], [2.0], [3.0], [4.0]]), labels)) == conflicting
    )
