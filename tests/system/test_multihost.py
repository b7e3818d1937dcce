"""Values that processes agree on: in one process, and in two that are started here."""

import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.system.multihost import (
    broadcast_from_first,
    is_first,
    max_over_processes,
    run_on_first,
    to_host,
    tree_from_first,
)

TWO = """
import os, sys
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxdl.system import multihost
from jaxdl.system.keys import words_of

number = int(sys.argv[2])
jax.distributed.initialize(sys.argv[1], 2, number, cluster_detection_method="deactivate")
assert multihost.is_first() == (number == 0)
assert multihost.broadcast_from_first(1.5 + number) == 1.5
assert multihost.max_over_processes(number) == 1

def compute():
    assert number == 0, "only the first process runs it"
    return {"text": "ü", "numbers": [1, 2]}

assert multihost.run_on_first(compute) == {"text": "ü", "numbers": [1, 2]}
try:
    multihost.run_on_first(lambda: [].index(0))
except ValueError as error:
    assert "not in list" in str(error)
else:
    raise AssertionError("the exception of the first process must be raised in both")

tree = {"key": jax.random.key(7), "x": np.arange(3.0)}
found = multihost.tree_from_first(tree if number == 0 else None, tree)
for leaf, expected in zip(jax.tree.leaves(words_of(found)), jax.tree.leaves(words_of(tree))):
    np.testing.assert_array_equal(leaf, expected)

sharding = NamedSharding(Mesh(jax.devices(), "members"), jax.P("members"))
divided = jax.make_array_from_callback((2,), sharding, lambda index: np.arange(2)[index])
assert not divided.is_fully_addressable
np.testing.assert_array_equal(multihost.to_host({"x": divided})["x"], [0, 1])
"""


def test_two_processes_agree():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1", "JAX_PLATFORMS": "cpu"}
    processes = [
        subprocess.Popen([sys.executable, "-c", TWO, address, str(number)], env=environment, stderr=subprocess.PIPE)
        for number in (0, 1)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "".join(errors)


def test_one_process_keeps_its_values():
    assert is_first()
    assert broadcast_from_first(1.5) == 1.5
    assert max_over_processes(3) == 3
    assert run_on_first(lambda: [1]) == [1]
    tree = {"x": jnp.ones(2)}
    assert tree_from_first(tree, tree) is tree


def test_arrays_are_copied_to_the_host_and_keys_stay_keys():
    """The copy survives the donation of the array."""
    tree = {"x": jnp.arange(3.0), "key": jax.random.key(7), "number": 5}
    on_host = to_host(tree)
    tree["x"].delete()
    assert isinstance(on_host["x"], np.ndarray)
    assert on_host["x"].tolist() == [0, 1, 2]
    assert on_host["number"] == 5
    assert jnp.array_equal(jax.random.key_data(on_host["key"]), jax.random.key_data(tree["key"]))
