"""Warn about settings of a sweep that its task never reads."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows
from jaxdl.training.step import start, step
from jaxdl.training.sweep import AnyTask, Settings, first_task, shapes_of_member, task_of


class _Reader(Mapping):
    """Settings that remember which of them are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.read = settings, set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)


def warn_of_unused_settings(task: AnyTask, settings: Settings, data: Dataset | Stream) -> None:
    """Trace one step of the task; warn about settings that neither `task(settings)` nor the step has read."""
    member = shapes_of_member(dict(settings))
    size = first_task(task, settings).batch_size
    batch = first_rows(data, size) if isinstance(data, Stream) else jax.tree.map(lambda array: array[:size], data)
    readers = []

    def one_step(settings, batch):
        readers.append(_Reader(settings))
        made = task_of(task, readers[0])
        step(made, batch, start(made, batch, jax.random.key(0)))

    try:
        jax.eval_shape(one_step, member, batch)
    except Exception:  # the task needs a real dictionary, so nothing is known about what it reads
        return
    unused = [name for name in settings if name not in readers[0].read]
    if unused:
        warnings.warn(
            f"the task does not use the settings {', '.join(unused)}, so that members which differ in nothing else are "
            "equal: read each as settings[name] in the function, or leave it out.",
            stacklevel=3,
        )
