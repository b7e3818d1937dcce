"""The layout of a population: how many devices share the members, how many share each batch, how many run at once.

A layout names the devices by two axes. Devices along `member` train different members and do not communicate; devices
along `batch` share each batch of the same members and add up their gradients.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh
from typing_extensions import TypeAliasType

MEMBER, BATCH = "member", "batch"


class Layout(NamedTuple):
    """A division of a population among devices.

    Attributes:
        by_member: Devices among which the members are divided.
        by_batch: Devices among which each batch is divided (data parallelism).
        at_once: Members that a device computes together by `vmap`, one chunk after another. With 1 (`lax.map`), each
            member is bit-identical to the same member trained alone.
    """

    by_member: int = 1
    by_batch: int = 1
    at_once: int = 1

    def padded(self, members: int) -> int:
        """Return the number of members that fill all chunks of all devices."""
        chunk = self.by_member * self.at_once
        return -(-members // chunk) * chunk


LayoutOption = TypeAliasType("LayoutOption", Layout | Literal["measured"] | None)


def check_layout(layout: Any, devices: Sequence[jax.Device] | None) -> None:
    """Raise ValueError unless `layout` is None, "measured", or a Layout that the devices can take."""
    if layout is None or layout == "measured":
        return
    if not isinstance(layout, Layout) or min(layout) < 1:
        raise ValueError(
            f'layout must be None, "measured", or a Layout of numbers from 1 on, got {layout!r}: '
            "leave it out for the layout that is chosen from shapes and devices."
        )
    if not is_possible(layout, devices):
        raise ValueError(
            f"layout must fit the {len(devices or jax.devices())} devices, but {layout} needs "
            f"{layout.by_member * layout.by_batch}: lower by_member or by_batch."
        )


def is_possible(layout: Layout, devices: Sequence[jax.Device] | None = None) -> bool:
    """Return whether there are enough devices for a layout, and a part of it for every process."""
    needed, available = layout.by_member * layout.by_batch, len(devices or jax.devices())
    return needed == available or (needed < available and jax.process_count() == 1)


def mesh_of(layout: Layout, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Return the mesh of a layout over the first of the given devices, or of all devices."""
    count = layout.by_member * layout.by_batch
    chosen = np.asarray((devices or jax.devices())[:count]).reshape(layout.by_member, layout.by_batch)
    return Mesh(chosen, (MEMBER, BATCH), axis_types=(AxisType.Auto, AxisType.Auto))
