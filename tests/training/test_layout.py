import jax
import numpy as np
import pytest

from jaxdl.training.layout import Layout, check_layout, is_possible, mesh_of


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


def test_a_layout_is_possible_if_there_are_enough_devices():
    assert [is_possible(layout) for layout in (Layout(), Layout(2), Layout(1, 2), Layout(2, 2))] == [True] * 3 + [False]
    assert not is_possible(Layout(2), jax.devices()[:1])


def test_a_layout_is_checked():
    for layout in (None, "measured", Layout(2, 1, 5)):
        check_layout(layout, None)
    for layout in ("fastest", Layout(1, 1, 0), (1, 1, 1), Layout(3, 1, 1)):
        with pytest.raises(ValueError, match="layout must"):
            check_layout(layout, None)
