"""Checkpoints that are damaged are told, never used; what ends a save leaves those before it whole."""

import hashlib
import json
import pathlib
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training import DamagedError, load_checkpoint, save_checkpoint
from jaxdl.training.checkpoints.checkpoint import MANIFEST

TREE = {"weights": np.arange(60.0).reshape(5, 12), "count": jnp.int32(3), "key": jax.random.key(7)}


def equal(one, other):
    plain = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
    return all(np.array_equal(plain(one[name]), plain(other[name])) for name in {**one, **other})


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


def test_a_place_below_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"checkpoint 1 must be written below .*file/below, but cannot: Not a directory"):
        save_checkpoint(tmp_path / "file" / "below", 1, TREE)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


DISK_FULL = """
import resource, sys
import numpy as np
from jaxdl.training import CheckpointWriter, load_checkpoint, save_checkpoint
directory = sys.argv[1]
tree = {"weights": np.random.default_rng(0).normal(size=(100, 300))}
save_checkpoint(directory, 1, tree)
for limit in (100_000, 400, 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        save_checkpoint(directory, 2, tree)
    except OSError as error:
        print(error)
    try:
        with CheckpointWriter(directory) as writer:
            writer.save(3, tree)
    except OSError as error:
        print(error)
    assert load_checkpoint(directory, tree).number == 1
"""


def test_a_full_disk_is_told_and_what_was_there_is_whole(tmp_path):
    """No file can be larger than a part of the array, than the manifest, than a byte."""
    told = subprocess.run([sys.executable, "-c", DISK_FULL, tmp_path], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [
        f"checkpoint {number} must be written below {tmp_path}, but cannot: File too large. Those before it are whole: "
        "make room, or name another directory, and go on."
        for _ in range(3)
        for number in (2, 3)
    ]
    assert told.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


KILLS = '''
"""Kill -9 at a random moment in a loop that saves, again and again. It forks, since starting anew takes seconds."""
import os, pathlib, random, signal, sys, time
import numpy as np
from orbax.checkpoint import v1  # imported once, for all
from jaxdl.training import CheckpointWriter, load_checkpoint
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
    with CheckpointWriter(directory) as writer:
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
    assert committed >= 10
    assert partials >= 5  # it was met in the middle, too
