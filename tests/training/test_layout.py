import jax
import numpy as np
import pytest

from jaxdl.training.layout import Layout, mesh_of


@pytest.mark.parametrize(
    ("layout", "members", "padded"),
    [
        (Layout(), 3, 3),
        (Layout(by_member=2), 3, 4),
        (Layout(by_member=2), 4, 4),
        (Layout(at_once=3), 4, 6),
        (Layout(by_member=2, at_once=4), 1, 8),
        (Layout(by_batch=2), 3, 3),  # devices that share batches need no more members
    ],
)
def test_members_are_padded_to_fill_all_chunks_of_all_devices(layout, members, padded):
    assert layout.padded(members) == padded


def test_a_mesh_has_one_axis_for_members_and_one_for_batches():
    mesh = mesh_of(Layout(by_member=1, by_batch=2))
    assert dict(mesh.shape) == {"member": 1, "batch": 2}
    np.testing.assert_array_equal(mesh.devices, [jax.devices()[:2]])


def test_a_mesh_takes_the_first_of_the_given_devices():
    second, first = jax.devices()[:2]
    assert mesh_of(Layout(), [first, second]).devices.tolist() == [[first]]
