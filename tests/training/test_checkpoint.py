"""Checkpoints: what is saved comes back, and what is damaged is told, never used."""

import json
import pathlib
import pickle
import shutil
import subprocess
import sys
import warnings

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from jaxdl.training import DamagedError, Writer, load_checkpoint, save_checkpoint
from jaxdl.training.checkpoint import MANIFEST, numbers

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


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two checkpoints, whose files a test may damage one after another if it mends them."""
    directory = tmp_path_factory.mktemp("saved")
    save_checkpoint(directory, 10, {**TREE, "count": jnp.int32(1)})
    save_checkpoint(directory, 20, TREE)
    return directory


def files(checkpoint):
    return sorted(path for path in checkpoint.rglob("*") if path.is_file())


def the_one_before_is_used(directory, sentence):
    with pytest.warns(UserWarning, match=rf"checkpoint 20 of .* is damaged: .*{sentence}.*; checkpoint 10, before it"):
        found = load_checkpoint(directory, TREE)
    assert found.number == 10
    assert equal(found.tree, {**TREE, "count": jnp.int32(1)})


def test_one_flipped_bit_anywhere_is_never_another_value(tmp_path, random):
    """At a thousand places, over all files of a checkpoint; every file at least at ten."""
    save_checkpoint(tmp_path, 20, TREE)
    size, flips = sum(path.stat().st_size for path in files(tmp_path)), 0
    for path in files(tmp_path):
        content = path.read_bytes()
        places = max(10, 1000 * len(content) // size + 1) if content else 0
        for place, bit in zip(
            random.integers(0, max(1, len(content)), places), random.integers(0, 8, places), strict=True
        ):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(DamagedError, match=f"{path.name} holds other bytes than were written"):
                load_checkpoint(tmp_path, TREE)
            flips += 1
        path.write_bytes(content)
    assert flips >= 1000
    assert equal(load_checkpoint(tmp_path, TREE).tree, TREE)


def forge(checkpoint, name):
    """Make the manifest tell of a file what it holds now, as if it had been written so."""
    import hashlib

    text = (checkpoint / MANIFEST).read_text().split("\n", 1)[1]
    manifest = json.loads(text)
    manifest["files"][name] = hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
    text = json.dumps(manifest)
    (checkpoint / MANIFEST).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


def test_a_leaf_that_was_written_wrong_is_told_although_its_file_is_as_it_was_written(tmp_path, random):
    """What the digests of the leaves are for: the files are verified, and what is in them is not what was saved."""
    tree = {"weights": random.normal(size=(40, 40))}
    save_checkpoint(tmp_path, 1, tree)
    manifest = (tmp_path / "1" / MANIFEST).read_bytes()
    path = max(files(tmp_path / "1"), key=lambda path: path.stat().st_size)
    content, told = path.read_bytes(), 0
    for place in random.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        forge(tmp_path / "1", str(path.relative_to(tmp_path / "1")))
        try:
            assert equal(load_checkpoint(tmp_path, tree).tree, tree)
        except DamagedError:
            told += 1
    assert told > 50
    path.write_bytes(content)
    (tmp_path / "1" / MANIFEST).write_bytes(manifest)
    assert equal(load_checkpoint(tmp_path, tree).tree, tree)


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path("trapped"),)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "removed", "text", "pickle", "directory", "another's"])
def test_files_that_are_not_what_they_were_are_told(saved, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path, 1, {"other": np.ones(1000)})
    other = {path.name: path.read_bytes() for path in files(tmp_path / "1")}
    for path in files(saved / "20"):
        content = path.read_bytes()
        if not content:
            continue  # a mark of Orbax, which is never read
        match damage:
            case "truncated":
                path.write_bytes(content[:-1])
            case "emptied":
                path.write_bytes(b"")
            case "text":
                path.write_text("no checkpoint")
            case "pickle":
                path.write_bytes(pickle.dumps(Trap()))
            case "another's":
                path.write_bytes(other.get(path.name, b"?"))
            case _:
                path.unlink()
        if damage == "directory":
            path.mkdir()
        if damage != "another's" or path.read_bytes() != content:
            the_one_before_is_used(saved, "")
        if damage == "directory":
            path.rmdir()
        path.write_bytes(content)
    assert equal(load_checkpoint(saved, TREE).tree, TREE)
    assert not pathlib.Path("trapped").exists()


def test_a_checkpoint_under_another_number_is_told(tmp_path):
    save_checkpoint(tmp_path, 1, TREE)
    (tmp_path / "1").rename(tmp_path / "2")
    with pytest.raises(DamagedError, match="it was written as checkpoint 1.* None is left: remove"):
        load_checkpoint(tmp_path, TREE)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    save_checkpoint(tmp_path, 5, TREE)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "best").mkdir()
    (tmp_path / "7").write_text("a file with the name of a checkpoint")
    (tmp_path / "007").mkdir()
    assert numbers(tmp_path) == [5, 7]
    with pytest.warns(
        UserWarning, match=r"checkpoint 7 .* is damaged: manifest.txt cannot be read \(Not a directory\)"
    ):
        assert load_checkpoint(tmp_path, TREE).number == 5
    with Writer(tmp_path, newest=5) as writer:
        writer.save(6, TREE)
    assert {path.name for path in tmp_path.iterdir()} == {"5", "6", "7.damaged", "007", "best", "notes.txt"}


def test_without_a_checkpoint_it_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="directory must hold a checkpoint, but .* holds none"):
        load_checkpoint(tmp_path / "nowhere", TREE)


def test_the_newest_are_kept_and_what_is_half_written_goes(tmp_path):
    (tmp_path / ".3.partial").mkdir()
    with Writer(tmp_path, keep=2) as writer:
        for number in (1, 2, 3, 10):
            writer.save(number, TREE)
    assert numbers(tmp_path) == [3, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "3"]


def test_it_is_written_while_the_program_goes_on_and_as_it_was(tmp_path):
    array = np.zeros(200_000)
    with Writer(tmp_path) as writer:
        writer.save(1, {"x": array.copy()})
        busy = writer.busy()
        array += 1
        writer.save(2, {"x": array.copy()})
    assert busy
    assert not writer.busy()
    assert load_checkpoint(tmp_path, {"x": array}).tree["x"].all()


def test_a_place_below_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"checkpoint 1 must be written below .*file/below, but cannot: Not a directory"):
        save_checkpoint(tmp_path / "file" / "below", 1, TREE)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


DISK_FULL = """
import resource, sys
import numpy as np
from jaxdl.training import Writer, load_checkpoint, save_checkpoint
directory, limit = sys.argv[1], int(sys.argv[2])
tree = {"weights": np.random.default_rng(0).normal(size=(100, 300))}
save_checkpoint(directory, 1, tree)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    save_checkpoint(directory, 2, tree)
except OSError as error:
    print(error)
try:
    with Writer(directory) as writer:
        writer.save(3, tree)
except OSError as error:
    print(error)
assert load_checkpoint(directory, tree).number == 1
"""


@pytest.mark.parametrize("limit", [1, 400, 100_000])
def test_a_full_disk_is_told_and_what_was_there_is_whole(tmp_path, limit):
    told = subprocess.run(
        [sys.executable, "-c", DISK_FULL, tmp_path, str(limit)], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [
        f"checkpoint {number} must be written below {tmp_path}, but cannot: File too large. Those before it are whole: "
        "make room, or name another directory, and go on."
        for number in (2, 3)
    ]
    assert told.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


KILLS = '''
"""Kill -9 at a random moment in a loop that saves, again and again. It forks, since starting anew takes seconds."""
import os, pathlib, random, signal, sys, time
import numpy as np
from orbax.checkpoint import v1  # imported once, for all
from jaxdl.training import Writer, load_checkpoint
directory, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
random.seed(0)
like = {"x": np.zeros((50, 50)), "number": 0}

def fork(work):
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.close(read)
    work(lambda number: os.write(write, b"%d " % number))
    os._exit(0)

def save(tell):
    number = 0
    for name in [path.name for path in directory.iterdir() if path.name.isdigit()]:
        number = max(number, int(name))
    with Writer(directory) as writer:
        while True:
            number += 1
            writer.save(number, {"x": np.full((50, 50), float(number)), "number": number})
            writer.wait()
            tell(number)

def load(tell):
    found = load_checkpoint(directory, like)
    assert found.tree["number"] == found.number and (found.tree["x"] == found.number).all()
    tell(found.number)

def said(read):
    with os.fdopen(read, "rb") as pipe:
        return [int(word) for word in pipe.read().split()]

directory.mkdir(exist_ok=True)
committed, partials = 0, 0
for _ in range(rounds):
    child, read = fork(save)
    time.sleep(random.uniform(0.02, 0.2))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    committed = max([committed, *said(read)])
    partials += any(path.suffix == ".partial" for path in directory.iterdir())
    if committed:
        child, read = fork(load)
        (found,) = said(read)
        os.waitpid(child, 0)
        assert committed <= found <= committed + 1, (committed, found)
        committed = found
print(committed, partials)
'''


def test_kill_at_random_moments_of_a_save_loop_loses_nothing_that_was_committed(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", KILLS, tmp_path / "checkpoints", "50"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    committed, partials = map(int, told.stdout.split())
    assert committed > 50
    assert partials > 10  # it was often met in the middle
