import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.dataset import Dataset, from_arrays
from jaxdl.data.splits import (
    codes,
    grouped_folds,
    grouped_parts,
    grouped_split,
    k_folds,
    random_split,
    stratified_folds,
    stratified_parts,
    stratified_split,
)


def numbered(labels):
    """Return examples whose inputs are their row numbers, as numpy arrays."""
    labels = np.asarray(labels)
    return Dataset(np.arange(len(labels))[:, None], labels, np.ones(len(labels), np.float32))


def rows(part):
    return part.inputs[:, 0].tolist()


def table(size):
    """Return a table as it is read: columns of numbers, dates and text, and names as labels."""
    number = np.arange(size)
    columns = {
        "number": np.where(number % 7 == 0, np.nan, number),
        "date": np.datetime64("2024-01-01") + number,
        "name": np.array([None if n % 5 == 0 else f"name {n}" for n in number], object),
    }
    return Dataset(columns, np.array(["cat", "dog", "horse"])[number % 3], np.ones(size, np.float32))


GROUPS = np.repeat(np.arange(20), np.arange(1, 21))  # sizes from 1 to 20: 210 examples
SPLITS = {
    "random": random_split,
    "stratified": stratified_split,
    "grouped": lambda key, data, **settings: grouped_split(key, data, np.arange(data.size) // 2, **settings),
}
FOLDS = {
    "random": k_folds,
    "stratified": stratified_folds,
    "grouped": lambda key, data, **settings: grouped_folds(key, data, np.arange(data.size) // 2, **settings),
}


def for_each(functions):
    return pytest.mark.parametrize("divide", functions.values(), ids=functions.keys())


@for_each(SPLITS)
def test_parts_partition_the_data_set_and_keep_its_order(divide):
    split = divide(jax.random.key(0), numbered(np.arange(50) % 2))
    assert sorted(itertools.chain(*map(rows, split))) == list(range(50))
    assert all(rows(part) == sorted(rows(part)) for part in split)
    assert [part.size for part in split] == [30, 10, 10]


@pytest.mark.parametrize("divide", [random_split, stratified_split])
def test_sizes_are_the_shares_rounded_to_the_nearest_example(divide):
    assert [part.size for part in divide(jax.random.key(0), numbered([0] * 8))] == [5, 1, 2]
    assert [part.size for part in divide(jax.random.key(0), numbered([0] * 10), shares=(0.5, 0.4, 0.1))] == [5, 4, 1]


def test_stratified_parts_have_equal_class_shares():
    split = stratified_split(jax.random.key(0), numbered([0] * 10 + [1] * 100 + [2] * 35))
    assert [np.bincount(part.labels).tolist() for part in split] == [[6, 60, 21], [2, 20, 7], [2, 20, 7]]


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3), (5 / 6, 1 / 6)])
def test_stratified_parts_round_every_class_to_the_nearest_example(shares):
    """If each part has at least one example of the class, it ends within half an example of its exact share."""
    sizes = np.arange(20, 60)
    parts = stratified_parts(jax.random.key(0), numbered(np.repeat(np.arange(len(sizes)), sizes)), shares=shares)
    counts = np.stack([np.bincount(part.labels, minlength=len(sizes)) for part in parts])
    assert counts.sum(axis=0).tolist() == sizes.tolist()
    assert np.abs(counts.cumsum(axis=0) - np.cumsum(shares)[:, None] * sizes).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("size", "shares", "expected"),
    [
        (1, (0.6, 0.2, 0.2), [1, 0, 0]),
        (2, (0.6, 0.2, 0.2), [1, 1, 0]),
        (3, (0.6, 0.2, 0.2), [1, 1, 1]),
        (4, (0.6, 0.2, 0.2), [2, 1, 1]),
        (2, (0.98, 0.01, 0.01), [1, 1, 0]),
        (20, (0.98, 0.01, 0.01), [18, 1, 1]),
        (20, (0.01, 0.01, 0.98), [1, 1, 18]),
        (5, (0.01, 0.98, 0.01), [1, 3, 1]),
        (20, (0.5, 0.01, 0.49), [10, 1, 9]),
        (1, (0.01, 0.01, 0.98), [1, 0, 0]),
        (4, (0.001, 0.001, 0.001, 0.001, 0.996), [1, 1, 1, 1, 0]),
    ],
)
def test_a_small_class_is_in_every_part_or_in_the_first_ones(size, shares, expected):
    parts = stratified_parts(jax.random.key(0), numbered([0] * 500 + [1] * size), shares=shares)
    assert [(np.asarray(part.labels) == 1).sum() for part in parts] == expected


@pytest.mark.parametrize("divide", [random_split, stratified_split])
def test_every_example_is_equally_likely_to_be_in_a_part(divide):
    whole, seen = numbered(np.arange(10) // 5), np.zeros((3, 10))
    for seed in range(300):
        for number, part in enumerate(divide(jax.random.key(seed), whole)):
            seen[number, rows(part)] += 1
    expected = 300 * np.array([[0.6], [0.2], [0.2]])
    assert np.abs(seen - expected).max() < 4 * np.sqrt(300 * 0.6 * 0.4)


@for_each(SPLITS)
def test_the_key_alone_decides_the_split(divide):
    whole = numbered(np.arange(60) % 3)
    one, again, other = (divide(jax.random.key(seed), whole).test.inputs for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def assert_rows_intact(part):
    """Assert that the cells and labels of every row belong together; return the row numbers."""
    number = (part.inputs["date"] - np.datetime64("2024-01-01")).astype(int)
    whole = table(number.max() + 1)
    for name, values in part.inputs.items():
        np.testing.assert_array_equal(values, whole.inputs[name][number])
    assert part.labels.tolist() == whole.labels[number].tolist()
    return number.tolist()


@for_each(SPLITS)
def test_the_rows_of_a_table_stay_intact(divide):
    split = divide(jax.random.key(0), table(60))
    assert sorted(itertools.chain(*map(assert_rows_intact, split))) == list(range(60))
    assert [part.size for part in split] == [36, 12, 12]


@for_each(FOLDS)
def test_the_rows_of_a_table_stay_intact_in_folds(divide):
    for train, held_out in divide(jax.random.key(0), table(60), folds=3):
        assert sorted(assert_rows_intact(train) + assert_rows_intact(held_out)) == list(range(60))


@pytest.mark.parametrize("as_array", [lambda names: names, lambda names: names.astype(object)])
def test_names_are_stratified_like_class_numbers(as_array):
    names = np.repeat(["cat", "dog", "horse"], [10, 100, 35])
    split = stratified_split(jax.random.key(0), numbered(as_array(names)))
    counted = [[(part.labels == name).sum() for name in ("cat", "dog", "horse")] for part in split]
    assert counted == [[6, 60, 21], [2, 20, 7], [2, 20, 7]]
    numbers = stratified_split(jax.random.key(0), numbered(np.repeat([0, 1, 2], [10, 100, 35])))
    assert [rows(part) for part in split] == [rows(part) for part in numbers]


def test_inputs_labels_and_weights_stay_together():
    labels = np.arange(60) % 3
    whole = from_arrays(np.column_stack([labels, np.arange(60)]), labels, weights=1.0 + np.arange(60))
    for part in stratified_split(jax.random.key(0), whole):
        assert jnp.array_equal(part.inputs[:, 0], part.labels)
        assert jnp.array_equal(part.inputs[:, 1] + 1, part.weights)


def test_groups_stay_together_in_parts_close_to_their_shares():
    """Every part ends within half a group of its exact share; the largest group has 20 examples."""
    whole, order = numbered(np.zeros(210, int)), np.random.default_rng(0).permutation(210)
    patients = np.array([f"patient {number}" for number in GROUPS], object)[order]
    for seed, shares in itertools.product(range(10), [(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.5, 0.5)]):
        parts = grouped_parts(jax.random.key(seed), whole, patients, shares=shares)
        seen = [set(patients[rows(part)]) for part in parts]
        assert sum(map(len, seen)) == len(set().union(*seen)) == 20
        assert sorted(itertools.chain(*map(rows, parts))) == list(range(210))
        ends = np.cumsum([part.size for part in parts])
        assert np.abs(ends - 210 * np.cumsum(shares)).max() <= 10


def test_groups_of_every_size_are_equally_likely_to_be_in_test():
    whole, in_test = numbered(np.zeros(210, int)), np.zeros(20)
    for seed in range(300):
        in_test[np.unique(GROUPS[rows(grouped_split(jax.random.key(seed), whole, GROUPS).test)])] += 1
    assert np.abs(in_test - 60).max() < 4 * np.sqrt(300 * 0.2 * 0.8)


def test_groups_of_one_example_are_rounded_to_the_nearest_example():
    parts = grouped_parts(jax.random.key(0), numbered([0] * 47), np.arange(47), shares=(0.6, 0.3, 0.1))
    assert [part.size for part in parts] == [28, 14, 5]


@pytest.mark.parametrize("seed", range(5))
def test_every_part_has_a_group_despite_a_dominant_one(seed):
    parts = grouped_split(jax.random.key(seed), numbered([0] * 100), [0] * 98 + [1, 2])
    assert sorted(part.size for part in parts) == [1, 1, 98]


@for_each(FOLDS)
def test_every_example_is_held_out_once_and_trained_on_otherwise(divide):
    folds = divide(jax.random.key(0), numbered(np.arange(52) % 2), folds=4)
    assert sorted(itertools.chain(*(rows(fold.held_out) for fold in folds))) == list(range(52))
    for train, held_out in folds:
        assert sorted(rows(train) + rows(held_out)) == list(range(52))
        assert all(rows(part) == sorted(rows(part)) for part in (train, held_out))


@pytest.mark.parametrize(("size", "folds"), [(10, 2), (11, 5), (7, 7), (23, 3)])
@pytest.mark.parametrize("divide", [k_folds, stratified_folds])
def test_the_sizes_of_folds_differ_by_at_most_one(divide, size, folds):
    sizes = [fold.held_out.size for fold in divide(jax.random.key(0), numbered(np.arange(size) % 3), folds=folds)]
    assert len(sizes) == folds
    assert sorted(sizes) == sorted(size // folds + (number < size % folds) for number in range(folds))


def test_class_counts_of_stratified_folds_differ_by_at_most_one():
    labels = np.repeat([0, 1, 2, 3], [2, 9, 33, 61])
    folds = stratified_folds(jax.random.key(0), numbered(labels))
    counts = np.stack([np.bincount(fold.held_out.labels, minlength=4) for fold in folds])
    assert np.ptp(counts, axis=0).max() <= 1
    assert sorted(fold.held_out.size for fold in folds) == [21] * 5


def test_k_folds_ignore_the_labels():
    one, other = (k_folds(jax.random.key(0), numbered(labels)) for labels in ([0] * 20, np.arange(20) % 2))
    assert [rows(fold.held_out) for fold in one] == [rows(fold.held_out) for fold in other]
    assert rows(one[0].held_out) != rows(k_folds(jax.random.key(1), numbered([0] * 20))[0].held_out)


def test_groups_are_held_out_together():
    folds = grouped_folds(jax.random.key(0), numbered(np.zeros(210, int)), GROUPS, folds=4)
    groups = [np.unique(GROUPS[rows(fold.held_out)]) for fold in folds]
    assert sorted(np.concatenate(groups)) == list(range(20))


@pytest.mark.parametrize("seed", range(3))
def test_small_groups_balance_a_large_one(seed):
    folds = grouped_folds(jax.random.key(seed), numbered([0] * 60), [0] * 20 + list(range(1, 41)), folds=3)
    assert [fold.held_out.size for fold in folds] == [20, 20, 20]


def test_the_key_decides_among_groups_of_equal_size():
    whole, groups = numbered([0] * 40), np.arange(40) // 2
    one, again, other = (rows(grouped_folds(jax.random.key(seed), whole, groups)[0].held_out) for seed in (0, 0, 1))
    assert one == again != other


@for_each(SPLITS)
@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)])
def test_invalid_shares_raise_an_error(divide, shares):
    with pytest.raises(ValueError, match="shares must be positive and sum to 1"):
        divide(jax.random.key(0), numbered([0, 1, 0, 1]), shares=shares)


def test_an_empty_part_raises_an_error():
    with pytest.raises(ValueError, match=r"part 2 of shares \(0.6, 0.2, 0.2\) would be empty with 2 examples"):
        random_split(jax.random.key(0), numbered([0, 1]))
    with pytest.raises(ValueError, match=r"part 2 of shares .* would be empty with 6 examples"):
        stratified_split(jax.random.key(0), numbered([0, 0, 1, 1, 2, 2]))


@pytest.mark.parametrize("divide", [stratified_split, stratified_folds])
def test_stratifying_regression_targets_raises_an_error(divide):
    with pytest.raises(TypeError, match=r"a stratified split needs class numbers or names .*, got the shape \(2, 1\)"):
        divide(jax.random.key(0), from_arrays([[1.0], [2.0]], [[0.5], [0.1]]))


@pytest.mark.parametrize("divide", [grouped_split, grouped_folds])
def test_invalid_groups_raise_errors(divide):
    with pytest.raises(ValueError, match=r"groups must be one for each of the 9 examples, got the shape \(8,\)"):
        divide(jax.random.key(0), numbered([0] * 9), np.arange(8))
    with pytest.raises(ValueError, match=r"(3 parts need at least 3|5 folds need at least 5) groups, got 2"):
        divide(jax.random.key(0), numbered([0] * 9), np.arange(9) % 2)


@for_each(FOLDS)
@pytest.mark.parametrize("folds", [-1, 0, 1, 5])
def test_an_invalid_number_of_folds_raises_an_error(divide, folds):
    with pytest.raises(ValueError, match=f"folds must be from 2 to the 4 examples, got {folds}"):
        divide(jax.random.key(0), numbered([0, 0, 1, 1]), folds=folds)


def test_equal_values_have_equal_codes_and_missing_values_share_one():
    values = ["b", "a", "b", None, float("nan"), "None", float("nan"), 1, "1"]
    assert codes(values).tolist() == [0, 1, 0, 2, 2, 3, 2, 4, 5]


def test_examples_without_a_group_form_one_group():
    groups = np.array([*"aabbccdd", None, float("nan"), None], object)
    for _, held_out in grouped_folds(jax.random.key(0), numbered([0] * 11), groups, folds=3):
        assert len({8, 9, 10} & set(rows(held_out))) in (0, 3)
