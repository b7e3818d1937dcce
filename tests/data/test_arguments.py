"""Functions on data sets report wrong arguments, such as a seed in place of a key, in one sentence."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data
from jaxdl.data._arguments import check_key

KEY, KEYS = jax.random.key(0), jax.random.split(jax.random.key(1), 3)
POINTS = data.Dataset(np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]), np.ones(4, np.float32))
LINE = POINTS._replace(labels=np.zeros((4, 1), np.float32))
SPLIT = data.Split(POINTS, POINTS, POINTS)
FITTED = data.Standardization(np.zeros(2), np.ones(2))
IMAGE = np.zeros((4, 4, 1), np.float32)
KEYED = {
    "moons": (),
    "rings": (),
    "spirals": (),
    "linear_regression": (),
    "polynomial": (),
    "noisy_labels": (POINTS,),
    "random_parts": (POINTS,),
    "stratified_parts": (POINTS,),
    "grouped_parts": (POINTS, np.arange(4)),
    "k_folds": (POINTS,),
    "stratified_folds": (POINTS,),
    "grouped_folds": (POINTS, np.arange(4)),
    "mixup": (POINTS,),
    "mixup_targets": (LINE,),
    "label_noise": (POINTS,),
    **dict.fromkeys(("shift", "flip", "crop", "rotate", "scale", "elastic", "cutout", "noise"), (IMAGE,)),
}
SETTINGS = {
    "noisy_labels": {"rate": 0.5},
    "mixup": {"classes": 2},
    "label_noise": {"rate": 0.5, "classes": 2},
    **{name: {"shares": (0.5, 0.5)} for name in ("random_parts", "stratified_parts", "grouped_parts")},
}


@pytest.mark.parametrize("name", KEYED)
def test_a_seed_in_place_of_a_key_and_several_keys_raise(unchecked, name):
    function = functools.partial(unchecked(getattr(data, name)), **SETTINGS.get(name, {}))
    with pytest.raises(TypeError, match=r"key must be a random key, got 0: make one with jax.random.key\(0\)"):
        function(0, *KEYED[name])
    with pytest.raises(ValueError, match=r"key must be a single key, got keys of the shape \(3,\): take one"):
        function(KEYS, *KEYED[name])
    if KEYED[name]:
        with pytest.raises(TypeError, match=r"key must be a random key, got .*: the key comes before the data"):
            function(KEYED[name][0], KEY, *KEYED[name][1:])


def test_a_legacy_key_is_a_key():
    check_key(np.zeros(2, np.uint32))  # as jax.random.PRNGKey(0)
    with pytest.raises(ValueError, match=r"key must be a single key, got keys of the shape \(3, 2\)"):
        check_key(np.zeros((3, 2), np.uint32))


@pytest.mark.parametrize("name", [name for name, others in KEYED.items() if others and others[0] is POINTS])
@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (SPLIT, "got Split: pass one of its parts, such as split.train"),
        ([1, 2], r"got list: make one with data.from_arrays\(inputs, labels\)"),
        (POINTS.inputs, r"got an array of float32 of the shape \(4, 2\): make one with data.from_arrays"),
        (KEY, "the key comes before the data"),
    ],
    ids=["split", "list", "array", "key"],
)
def test_something_else_in_place_of_a_data_set_raises(unchecked, name, given, advice):
    with pytest.raises(TypeError, match=f"(data|batch) must be a Dataset, .*{advice}"):
        unchecked(getattr(data, name))(KEY, given, *KEYED[name][1:], **SETTINGS.get(name, {}))


def test_a_data_set_without_weights_raises(unchecked):
    with pytest.raises(TypeError, match=r"weights of a Dataset must be an array, got None: make the data set with"):
        unchecked(data.random_parts)(KEY, POINTS._replace(weights=None), shares=(0.5, 0.5))


@pytest.mark.parametrize("name", ["standardized", "prepared", "leakage", "class_balance"])
def test_a_data_set_in_place_of_a_split_raises(unchecked, name):
    with pytest.raises(TypeError, match="split must be a Split of train, dev and test, got Dataset: make one with"):
        unchecked(getattr(data, name))(POINTS)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda f: f(data.random_split)(KEY, POINTS, shares=(0.8, 0.2)),
            "shares must be 3 numbers, those of",
        ),
        (
            lambda f: f(data.random_parts)(KEY, POINTS, shares=0.8),
            "shares must be a tuple of numbers.*got 0.8",
        ),
        (
            lambda f: f(data.random_parts)(KEY, POINTS, shares=("a", "b")),
            "shares must be a tuple of numbers",
        ),
        (lambda f: f(data.random_parts)(KEY, POINTS, shares=()), r"positive and sum to 1, got \(\)\."),
        (lambda f: f(data.random_parts)(KEY, POINTS, shares=(8, 2)), "whose sum is 10: divide them by it"),
        (lambda f: f(data.k_folds)(KEY, POINTS, folds=2.0), "folds must be an integer, got 2.0"),
        (lambda f: f(data.moons)(KEY, examples=9.0), "examples must be an integer, got 9.0: convert it"),
        (lambda f: f(data.moons)(KEY, noise="0.1"), "noise must be a number, got '0.1'"),
        (lambda f: f(data.rings)(KEY, classes=2.0), "classes must be an integer, got 2.0"),
        (lambda f: f(data.spirals)(KEY, turns=None), "turns must be a number, got None"),
        (lambda f: f(data.linear_regression)(KEY, weights="a"), "weights must be real numbers, got 'a'"),
        (lambda f: f(data.linear_regression)(KEY, bias="1"), "bias must be a number, got '1'"),
        (lambda f: f(data.sparse_features)(KEY, features=5.0), "features must be an integer, got 5.0"),
        (lambda f: f(data.noisy_labels)(KEY, POINTS, rate="1"), "rate must be a number, got '1'"),
        (
            lambda f: f(data.standardize)(POINTS, FITTED),
            "standardization must be a Standardization, got Data",
        ),
        (lambda f: f(data.prepare)(POINTS, FITTED), "preparation must be a Preparation, got Dataset: fit"),
        (lambda f: f(data.transform_of)(POINTS), "preparation must be a Preparation, got Dataset"),
        (lambda f: f(data.fit_standardization)(SPLIT), "data must be a Dataset, got Split"),
        (lambda f: f(data.fit_preparation)(SPLIT), "train must be a Dataset, got Split"),
        (
            lambda f: f(data.rescaled)(np.ones(2), POINTS),
            "standardization must be a Standardization, got Data",
        ),
        (lambda f: f(data.conflicting_labels)(SPLIT), "data must be a Dataset, got Split"),
        (
            lambda f: f(data.stream_arrays)(np.ones((2, 1)), np.ones(2, int), threads="2"),
            "threads must be an",
        ),
        (
            lambda f: f(data.stream_examples)(POINTS),
            "source must return one example .* got a Dataset: stream",
        ),
        (lambda f: f(data.each_image)(2), "each_image takes functions, got 2: pass the function itself"),
        (lambda f: f(data.chained)([data.flip]), r"chained takes functions, got list: write chained\(\*fun"),
        (
            lambda f: f(data.flip)(KEY, IMAGE, probability=2.0),
            "probability must be between 0 and 1, got 2.0",
        ),
        (lambda f: f(data.crop)(KEY, IMAGE, min_area=0.0), "min_area must be above 0, got 0.0"),
        (lambda f: f(data.scale)(KEY, IMAGE, min_factor=-1.0), "min_factor must be above 0, got -1.0"),
        (lambda f: f(data.cutout)(KEY, IMAGE, size=-1), "size must be at least 0, got -1"),
        (lambda f: f(data.shift)(KEY, IMAGE, max_pixels=1.5), "max_pixels must be an integer, got 1.5"),
        (lambda f: f(data.noise)(KEY, IMAGE, std=-1.0), "std must be at least 0, got -1.0"),
        (lambda f: f(data.elastic)(KEY, IMAGE, smoothness=0.0), "smoothness must be above 0, got 0.0"),
        (
            lambda f: f(data.mixup)(KEY, LINE, classes=2),
            "labels must be class numbers, got an array of float32",
        ),
        (lambda f: f(data.mixup)(KEY, POINTS, classes=2.0), "classes must be an integer, got 2.0"),
        (lambda f: f(data.mixup_targets)(KEY, POINTS), r"labels must have the shape \(examples, outputs\)"),
        (lambda f: f(data.mixup_targets)(KEY, LINE, alpha=0.0), "alpha must be above 0, got 0.0"),
        (lambda f: f(data.label_noise)(KEY, POINTS, rate=2.0, classes=2), "rate must be between 0 and 1"),
        (
            lambda f: f(data.label_noise)(KEY, POINTS, rate=0.5, classes=1),
            "classes must be at least 2, got 1",
        ),
        (lambda f: f(data.load)(5), "name_or_path must be a name or a path, got 5"),
        (lambda f: f(data.load)("moons", key=0), "key must be a random key, got 0"),
        (
            lambda f: f(data.load)("xor", targets="classes"),
            "targets must be a function, got 'classes': pass data",
        ),
    ],
)
def test_wrong_settings_raise(unchecked, call, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        call(unchecked)


@pytest.mark.parametrize("name", ["shift", "flip", "crop", "rotate", "scale", "elastic", "cutout", "noise"])
def test_a_batch_in_place_of_an_image_raises(unchecked, name):
    with pytest.raises(ValueError, match=r"image must have the shape .*, got \(2, 4, 4, 1\): data.each_image applies"):
        unchecked(getattr(data, name))(KEY, np.stack([IMAGE, IMAGE]))


def test_a_traced_setting_is_accepted():
    """A population may map the settings of an augmentation."""
    drawn = jax.eval_shape(lambda rate: data.label_noise(KEY, POINTS, rate=rate, classes=2), jnp.array(2.0))
    assert drawn.labels.shape == (4,)


@pytest.mark.parametrize(
    ("indices", "error", "sentence"),
    [
        (0, ValueError, r"indices must be one-dimensional, got the shape \(\): write \[3\]"),
        ([0.5], TypeError, "indices must be integers, got float64"),
        (slice(0, 2), TypeError, r"indices must be integers, got slice\(0, 2, None\): write range\(0, 2\)"),
        ([True], ValueError, "a mask must hold one Boolean for each of the 4 examples, got 1"),
        ("a", TypeError, "indices must be real numbers, got 'a'"),
    ],
)
def test_take_names_wrong_indices(unchecked, indices, error, sentence):
    with pytest.raises(error, match=sentence):
        unchecked(data.take)(POINTS, indices)


def test_take_accepts_a_mask_and_no_index():
    assert data.take(POINTS, POINTS.labels == 1).labels.tolist() == [1, 1]
    assert data.take(POINTS, []).size == 0


@pytest.mark.parametrize(
    ("arguments", "weights", "error", "sentence"),
    [
        (([[1.0], [1.0, 2.0]], [0, 1]), None, TypeError, "inputs must be numbers in rows of equal length, got list"),
        ((POINTS, [0]), None, TypeError, "inputs must be an array, got a Dataset: pass its inputs"),
        (([[1.0]], 0), None, ValueError, "labels must hold one row for each of the 1 inputs, got a single number"),
        (([[1.0]], None), None, TypeError, "labels must be real numbers, got None"),
        (([[1.0]], [0]), 1.0, ValueError, "weights must hold one row for each of the 1 inputs, got a single number"),
        (([[1.0]], [0]), "balanced", TypeError, "weights must be real numbers, got 'balanced'"),
    ],
)
def test_from_arrays_names_wrong_arrays(unchecked, arguments, weights, error, sentence):
    with pytest.raises(error, match=sentence):
        unchecked(data.from_arrays)(*arguments, weights=weights)
