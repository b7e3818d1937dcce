"""Checkpoints: what is saved comes back, whatever it is and is called."""

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
from jaxdl.training.checkpoints.checkpoint import MANIFEST, checkpoint_numbers
from jaxdl.training.checkpoints.resume import CheckpointManager

TREE = {"weights": np.arange(60.0).reshape(5, 12), "count": jnp.int32(3), "key": jax.random.key(7)}


def words(leaf):
    """The bytes of a leaf, what they are, and in what they come."""
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
    """Arrays of any dtype, with axes of 0 and any bits, NaN among them."""
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


def of_jax(array):
    return array.dtype.itemsize < 8  # wider ones need jax_enable_x64


leaves = st.one_of(
    arrays(),
    arrays().filter(of_jax).map(on_device),
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
def test_any_tree_comes_back_with_equal_bytes_and_dtypes(tmp_path_factory, tree):
    directory = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(directory, 3, tree, note={"ü": [1.5, None]})
    found = load_checkpoint(directory, tree)
    assert equal(found.tree, tree)
    assert (found.number, found.note) == (3, {"ü": [1.5, None]})
    shutil.rmtree(directory)


def test_shapes_are_enough_to_load(tmp_path):
    tree = {name: leaf for name, leaf in TREE.items() if name != "weights"}
    save_checkpoint(tmp_path, 0, tree)
    assert equal(load_checkpoint(tmp_path, jax.eval_shape(lambda: tree)).tree, tree)


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "..", "a/b", "a\0b", "\ud800", "state", MANIFEST])
def test_a_leaf_named_to_leave_its_folder_stays_in_it(tmp_path, name):
    before = set(tmp_path.parent.rglob("*outside*"))
    save_checkpoint(tmp_path / "deep" / "checkpoints", 1, {name: np.arange(3)})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["checkpoints"]
    assert set(tmp_path.parent.rglob("*outside*")) == before
    assert load_checkpoint(tmp_path / "deep" / "checkpoints", {name: np.zeros(3, int)}).tree[name].tolist() == [0, 1, 2]


@pytest.mark.parametrize("leaf", ["text", np.array(["text"]), np.array([object()]), 2**70, np.datetime64("2020")])
def test_a_leaf_that_is_no_number_is_told(tmp_path, leaf):
    with pytest.raises(TypeError, match=r"the leaf \['x'\] must be"):
        save_checkpoint(tmp_path, 1, {"x": leaf})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("like", "sentence"),
    [
        ({"weights": np.zeros((5, 12))}, r"at \['count'\] it has int32\[\] instead of nothing"),
        ({**TREE, "count": jnp.float32(0)}, r"at \['count'\] it has int32\[\] instead of float32\[\]"),
        ({**TREE, "weights": np.zeros((12, 5))}, r"float64\[5, 12\] instead of float64\[12, 5\]"),
        ({**TREE, "key": jax.random.key(0, impl="rbg")}, r"key<fry>\[\] instead of key<rbg>\[\]"),
        ({**TREE, "more": 1}, r"at \['more'\] it has nothing instead of int\[\]"),
    ],
)
def test_another_tree_is_refused_with_the_leaf_that_differs(tmp_path, like, sentence):
    save_checkpoint(tmp_path, 1, TREE)
    with pytest.raises(ValueError, match=sentence):
        load_checkpoint(tmp_path, like)


def test_what_is_wider_than_jax_is_set_to_is_told(tmp_path):
    with jax.enable_x64(True):
        save_checkpoint(tmp_path, 1, {"x": jnp.ones(3)})
        like = jax.eval_shape(lambda: {"x": jnp.ones(3)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jax tells the same in its own way
        with pytest.raises(ValueError, match="set jax_enable_x64 to load it as it was saved"):
            load_checkpoint(tmp_path, like)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    save_checkpoint(tmp_path, 5, TREE)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "best").mkdir()
    (tmp_path / "7").write_text("a file with the name of a checkpoint")
    (tmp_path / "007").mkdir()
    assert checkpoint_numbers(tmp_path) == [5, 7]
    with pytest.warns(
        UserWarning, match=r"checkpoint 7 .* is damaged: manifest.txt cannot be read \(Not a directory\)"
    ):
        assert load_checkpoint(tmp_path, TREE).number == 5
    with CheckpointWriter(tmp_path, newest=5) as writer:
        writer.save(6, TREE)
    assert {path.name for path in tmp_path.iterdir()} == {"5", "6", "7.damaged", "007", "best", "notes.txt"}


def test_a_number_that_is_taken_is_told(tmp_path):
    """Nothing can take the place of a folder in one move."""
    save_checkpoint(tmp_path, 3, TREE)
    with pytest.raises(FileExistsError, match="number must be a new one below .*, but 3 is taken: count on"):
        save_checkpoint(tmp_path, 3, {"other": 1})
    assert equal(load_checkpoint(tmp_path, TREE).tree, TREE)
    with pytest.raises(ValueError, match="number must be at least 0, but was -1"):
        save_checkpoint(tmp_path, -1, TREE)


def test_a_note_that_is_no_json_is_told(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_checkpoint(tmp_path, 3, TREE, note={"x": np.int64(3)})
    assert not list(tmp_path.iterdir())


def test_a_writer_leaves_what_is_newer_than_what_it_saves(tmp_path):
    for number in (10, 20):
        save_checkpoint(tmp_path, number, TREE)
    with CheckpointWriter(tmp_path, keep=1) as writer:
        writer.save(1, TREE)
        writer.save(12, TREE)
    assert checkpoint_numbers(tmp_path) == [12, 20]


def test_without_a_checkpoint_it_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="directory must hold a checkpoint, but .* holds none"):
        load_checkpoint(tmp_path / "nowhere", TREE)


def test_the_newest_are_kept_and_what_is_half_written_goes(tmp_path):
    (tmp_path / ".3.partial").mkdir()
    with CheckpointWriter(tmp_path, keep=2) as writer:
        for number in (1, 2, 3, 10):
            writer.save(number, TREE)
    assert checkpoint_numbers(tmp_path) == [3, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "3"]


def test_it_is_written_while_the_program_goes_on_and_as_it_was(tmp_path):
    array = np.zeros(200_000)
    with CheckpointWriter(tmp_path) as writer:
        writer.save(1, {"x": array.copy()})
        busy = writer.is_busy()
        array += 1
        writer.save(2, {"x": array.copy()})
    assert busy
    assert not writer.is_busy()
    assert load_checkpoint(tmp_path, {"x": array}).tree["x"].all()


class Clock(CheckpointWriter):
    """A writer that takes a while, and a time that passes when it is told to."""

    def __init__(self, took):
        self.seconds, self.now, self.saved = took, 100.0, []

    def is_busy(self):
        return False

    def save(self, number, tree, *, note=None):
        self.saved.append(number)


@pytest.mark.parametrize(("seconds", "took", "wait"), [(10.0, 0.1, 10.0), (10.0, 1.0, 50.0), (0.0, 0.0, 0.0)])
def test_it_saves_at_once_and_then_so_rarely_that_it_costs_little(monkeypatch, seconds, took, wait):
    clock = Clock(took)
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)
    keeper = CheckpointManager(None, clock, seconds, {})
    assert keeper.is_due()
    keeper.save(1, {}, {"seconds": 0.0})
    if wait:
        clock.now += wait - 0.1
        assert not keeper.is_due()
    clock.now += 0.1
    assert keeper.is_due()
    keeper.save(1, {}, {"seconds": 0.0})
    assert clock.saved == [1]
