"""Damaged checkpoints are reported and never used; a save that fails or is killed leaves earlier ones intact."""

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
from jaxdl.training.checkpoints.manifest import MANIFEST

TREE = {"weights": np.arange(60.0).reshape(5, 12), "count": jnp.int32(3), "key": jax.random.key(7)}


def equal(one, other):
    plain = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
    return all(np.array_equal(plain(one[name]), plain(other[name])) for name in {**one, **other})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two checkpoints. A test may damage their files if it restores them."""
    directory = tmp_path_factory.mktemp("saved")
    save_checkpoint(directory, 10, {**TREE, "count": jnp.int32(1)})
    save_checkpoint(directory, 20, TREE)
    return directory


def files(checkpoint):
    return sorted(path for path in checkpoint.rglob("*") if path.is_file())


def assert_that_the_previous_one_is_loaded(directory):
    message = "checkpoint 20 of .* is damaged: .*; using the earlier checkpoint 10"
    with pytest.warns(UserWarning, match=message):
        found = load_checkpoint(directory, TREE)
    assert found.number == 10
    assert equal(found.tree, {**TREE, "count": jnp.int32(1)})


def test_every_flipped_bit_is_detected(tmp_path, random):
    """At a thousand places in all files of a checkpoint, at least ten in each file."""
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
            with pytest.raises(DamagedError, match=f"{path.name} differs from what was written"):
                load_checkpoint(tmp_path, TREE)
            flips += 1
        path.write_bytes(content)
    assert flips >= 1000
    assert equal(load_checkpoint(tmp_path, TREE).tree, TREE)


def update_manifest(checkpoint, name):
    """Replace the digest of a file in the manifest by that of its present content."""
    text = (checkpoint / MANIFEST).read_text().split("\n", 1)[1]
    manifest = json.loads(text)
    manifest["files"][name] = hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
    text = json.dumps(manifest)
    (checkpoint / MANIFEST).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


def test_wrong_values_in_an_undamaged_file_are_detected_by_the_digests_of_the_leaves(tmp_path, random):
    """The digests of the files agree, but the files do not hold the values that were saved."""
    tree = {"weights": random.normal(size=(40, 40))}
    save_checkpoint(tmp_path, 1, tree)
    manifest = (tmp_path / "1" / MANIFEST).read_bytes()
    path = max(files(tmp_path / "1"), key=lambda path: path.stat().st_size)
    content, detected = path.read_bytes(), 0
    for place in random.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        update_manifest(tmp_path / "1", str(path.relative_to(tmp_path / "1")))
        try:
            assert equal(load_checkpoint(tmp_path, tree).tree, tree)
        except DamagedError:
            detected += 1
    assert detected > 50
    path.write_bytes(content)
    (tmp_path / "1" / MANIFEST).write_bytes(manifest)
    assert equal(load_checkpoint(tmp_path, tree).tree, tree)


class Trap:
    """An object that runs code when it is unpickled."""

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path("trapped"),)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "removed", "text", "pickle", "directory", "swapped"])
def test_every_damaged_file_is_detected_and_never_executed(saved, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path, 1, {"other": np.ones(1000)})
    other = {path.name: path.read_bytes() for path in files(tmp_path / "1")}
    for path in files(saved / "20"):
        content = path.read_bytes()
        if not content:
            continue  # a marker of Orbax, which is never read
        match damage:
            case "truncated":
                path.write_bytes(content[:-1])
            case "emptied":
                path.write_bytes(b"")
            case "text":
                path.write_text("no checkpoint")
            case "pickle":
                path.write_bytes(pickle.dumps(Trap()))
            case "swapped":
                path.write_bytes(other.get(path.name, b"?"))
            case _:
                path.unlink()
        if damage == "directory":
            path.mkdir()
        if damage != "swapped" or path.read_bytes() != content:
            assert_that_the_previous_one_is_loaded(saved)
        if damage == "directory":
            path.rmdir()
        path.write_bytes(content)
    assert equal(load_checkpoint(saved, TREE).tree, TREE)
    assert not pathlib.Path("trapped").exists()


def test_a_checkpoint_that_was_renamed_to_another_number_is_detected(tmp_path):
    save_checkpoint(tmp_path, 1, TREE)
    (tmp_path / "1").rename(tmp_path / "2")
    with pytest.raises(DamagedError, match="it was written as checkpoint 1.* No checkpoint is left: remove"):
        load_checkpoint(tmp_path, TREE)


def test_a_directory_below_a_file_raises(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write checkpoint 1 below .*file/below: Not a directory"):
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


def test_on_a_full_disk_saving_raises_and_earlier_checkpoints_are_intact(tmp_path):
    """Files cannot grow beyond a part of the array, beyond a part of the manifest, and beyond one byte."""
    done = subprocess.run([sys.executable, "-c", DISK_FULL, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"cannot write checkpoint {number} below {tmp_path}: File too large. Earlier checkpoints are intact: free some "
        "space or choose another directory, then repeat the command to resume."
        for _ in range(3)
        for number in (2, 3)
    ]
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


KILLS = '''
"""Kill a loop that saves at random moments. It is forked, because starting Python again takes seconds."""
import os, pathlib, random, signal, sys, time
import numpy as np
from orbax.checkpoint import v1  # imported once, for all
from jaxdl.training import CheckpointWriter, load_checkpoint
directory, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
random.seed(0)

def newest():
    found = load_checkpoint(directory, {"x": np.zeros((50, 50)), "number": 0})
    assert found.tree["number"] == found.number and (found.tree["x"] == found.number).all()
    return found.number

def load_and_save(report):
    number = newest() if directory.exists() else 0
    report(number)
    with CheckpointWriter(directory) as writer:
        while True:
            number += 1
            writer.save(number, {"x": np.full((50, 50), float(number)), "number": number})
            writer.wait()
            report(number)

def fork():
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, os.fdopen(read, "r")
    os.close(read)
    load_and_save(lambda number: os.write(write, b"%d\\n" % number))

saved, partials = 0, 0
for _ in range(rounds):
    child, reports = fork()
    found, first = int(reports.readline()), int(reports.readline())  # waits for the first save
    assert saved <= found <= saved + 1, (saved, found)
    time.sleep(random.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    saved = max([first, *map(int, reports.read().split())])
    partials += any(path.suffix == ".partial" for path in directory.iterdir())
assert saved <= newest() <= saved + 1
print(saved, partials)
'''


@pytest.mark.slow
def test_a_save_killed_at_any_moment_loses_no_complete_checkpoint(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLS, tmp_path / "checkpoints", "50"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    saved, partials = map(int, done.stdout.split())
    assert saved >= 50
    assert partials >= 5  # some kills hit a save in the middle
