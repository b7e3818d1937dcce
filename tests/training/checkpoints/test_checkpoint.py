"""A checkpoint holds exactly the tree that was saved; wrong arguments raise."""

import inspect
import shutil
import warnings

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from jaxdl.training import CheckpointWriter, load_checkpoint, save_checkpoint
from jaxdl.training.checkpoints.checkpoint import checkpoint_numbers
from jaxdl.training.checkpoints.manifest import MANIFEST

TREE = {"weights": np.arange(60.0).reshape(5, 12), "count": jnp.int32(3), "key": jax.random.key(7)}


def words(leaf):
    """Return dtype, kind of array, shape and bytes of a leaf."""
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    array = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
    return str(getattr(leaf, "dtype", type(leaf))), isinstance(leaf, jax.Array), array.shape, array.tobytes()


def equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    return [words(leaf) for leaf in jax.tree.leaves(one)] == [words(leaf) for leaf in jax.tree.leaves(other)]


DTYPES = [
    *(
        np.dtype(name)
        for name in ("bool", "i1", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">f4", ">i8")
    ),
    *(np.dtype(kind) for kind in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4)),
]


@st.composite
def arrays(draw):
    """Arrays of any dtype, with empty axes and any bits, NaN among them."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = int(np.prod(shape)) * dtype.itemsize
    bits = np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8)
    bits = bits % 2 if dtype.kind == "b" else bits
    if dtype == ml_dtypes.int4:
        return (bits % 8).astype(dtype).reshape(shape)
    return bits.view(dtype).reshape(shape)


def on_device(array):
    return jax.device_put(array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind in "biufc" else array)


def fits_jax(array):
    return array.dtype.itemsize < 8  # wider dtypes need jax_enable_x64


leaves = st.one_of(
    arrays(),
    arrays().filter(fits_jax).map(on_device),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.integers(0, 2**31).map(jax.random.key),
    st.integers(0, 9).map(lambda seed: jax.random.key(seed, impl="rbg")),
    st.integers(0, 3).map(lambda count: jax.random.split(jax.random.key(1), 3)[:count]),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(st.text(max_size=5), inner, max_size=3), st.lists(inner, max_size=3), st.tuples(inner, inner)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_any_tree_is_loaded_with_equal_bytes_and_dtypes(tmp_path_factory, tree):
    directory = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(directory, 3, tree, note={"ü": [1.5, None]})
    found = load_checkpoint(directory, tree)
    assert equal(found.tree, tree)
    assert (found.number, found.note) == (3, {"ü": [1.5, None]})
    shutil.rmtree(directory)


def test_loading_needs_only_shapes_and_dtypes(tmp_path):
    tree = {name: leaf for name, leaf in TREE.items() if name != "weights"}
    save_checkpoint(tmp_path, 0, tree)
    assert equal(load_checkpoint(tmp_path, jax.eval_shape(lambda: tree)).tree, tree)


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "..", "a/b", "a\0b", "\ud800", "state", MANIFEST])
def test_no_name_of_a_leaf_writes_outside_of_the_folder(tmp_path, name):
    before = set(tmp_path.parent.rglob("*outside*"))
    save_checkpoint(tmp_path / "deep" / "checkpoints", 1, {name: np.arange(3)})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["checkpoints"]
    assert set(tmp_path.parent.rglob("*outside*")) == before
    assert load_checkpoint(tmp_path / "deep" / "checkpoints", {name: np.zeros(3, int)}).tree[name].tolist() == [0, 1, 2]


@pytest.mark.parametrize("leaf", ["text", np.array(["text"]), np.array([object()]), 2**70, np.datetime64("2020")])
def test_leaves_that_are_not_numbers_raise(tmp_path, leaf):
    with pytest.raises(TypeError, match=r"cannot save the leaf \['x'\]: expected (an array or a number|numbers), got"):
        save_checkpoint(tmp_path, 1, {"x": leaf})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"weights": np.zeros((5, 12))}, r"at \['count'\] expected nothing, found int32\[\]"),
        ({**TREE, "count": jnp.float32(0)}, r"at \['count'\] expected float32\[\], found int32\[\]"),
        ({**TREE, "weights": np.zeros((12, 5))}, r"expected float64\[12, 5\], found float64\[5, 12\]"),
        ({**TREE, "key": jax.random.key(0, impl="rbg")}, r"expected key<rbg>\[\], found key<fry>\[\]"),
        ({**TREE, "more": 1}, r"at \['more'\] expected int\[\], found nothing"),
    ],
    ids=["missing", "dtype", "shape", "generator", "additional"],
)
def test_a_checkpoint_with_another_tree_raises_with_the_leaf_that_differs(tmp_path, like, message):
    save_checkpoint(tmp_path, 1, TREE)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(tmp_path, like)


def test_double_precision_that_jax_would_truncate_raises(tmp_path):
    with jax.enable_x64(True):
        save_checkpoint(tmp_path, 1, {"x": jnp.ones(3)})
        like = jax.eval_shape(lambda: {"x": jnp.ones(3)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jax warns that it truncates
        with pytest.raises(ValueError, match=r"the leaf \['x'\] was saved as float64: set jax_enable_x64 to load it"):
            load_checkpoint(tmp_path, like)


def test_other_files_in_the_directory_are_ignored(tmp_path):
    save_checkpoint(tmp_path, 5, TREE)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "best").mkdir()
    (tmp_path / "7").write_text("a file with the name of a checkpoint")
    (tmp_path / "007").mkdir()
    assert checkpoint_numbers(tmp_path) == [5, 7]
    message = (
        r"checkpoint 7 .* is damaged: manifest.txt cannot be read \(Not a directory\); using the earlier checkpoint 5"
    )
    with pytest.warns(UserWarning, match=message):
        assert load_checkpoint(tmp_path, TREE).number == 5
    with CheckpointWriter(tmp_path, newest=5) as writer:
        writer.save(6, TREE)
    assert {path.name for path in tmp_path.iterdir()} == {"5", "6", "7.damaged", "007", "best", "notes.txt"}


def test_the_number_must_be_new_and_not_negative(tmp_path):
    """No operation of the file system replaces a folder atomically."""
    save_checkpoint(tmp_path, 3, TREE)
    with pytest.raises(FileExistsError, match="already has a checkpoint 3: use a higher number"):
        save_checkpoint(tmp_path, 3, {"other": 1})
    assert equal(load_checkpoint(tmp_path, TREE).tree, TREE)
    with pytest.raises(ValueError, match="the number of a checkpoint must be at least 0, got -1"):
        save_checkpoint(tmp_path, -1, TREE)
    with pytest.raises(TypeError, match="must be an integer, got dict: write save_checkpoint"):
        inspect.unwrap(save_checkpoint)(tmp_path, TREE, 1)


def test_a_note_that_json_cannot_hold_raises(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_checkpoint(tmp_path, 3, TREE, note={"x": np.int64(3)})
    assert not list(tmp_path.iterdir())


def test_a_writer_keeps_checkpoints_with_higher_numbers_than_its_own(tmp_path):
    for number in (10, 20):
        save_checkpoint(tmp_path, number, TREE)
    with CheckpointWriter(tmp_path, keep=1) as writer:
        writer.save(1, TREE)
        writer.save(12, TREE)
    assert checkpoint_numbers(tmp_path) == [12, 20]


def test_loading_from_a_directory_without_checkpoints_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere has no checkpoint\."):
        load_checkpoint(tmp_path / "nowhere", TREE)


def test_a_writer_keeps_the_newest_checkpoints_and_removes_incomplete_ones(tmp_path):
    (tmp_path / ".3.partial").mkdir()
    with CheckpointWriter(tmp_path, keep=2) as writer:
        for number in (1, 2, 3, 10):
            writer.save(number, TREE)
    assert checkpoint_numbers(tmp_path) == [3, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "3"]


def test_a_writer_saves_in_the_background_the_values_of_the_time_of_the_call(tmp_path):
    array = np.zeros(200_000)
    with CheckpointWriter(tmp_path) as writer:
        writer.save(1, {"x": array.copy()})
        busy = writer.is_busy()
        array += 1
        writer.save(2, {"x": array.copy()})
    assert busy
    assert not writer.is_busy()
    assert load_checkpoint(tmp_path, {"x": array}).tree["x"].all()
