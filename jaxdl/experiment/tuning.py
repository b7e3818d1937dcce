"""Choose the settings of each arm on dev, in the same way for every arm: a grid, refined around its best point."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from jaxdl._formatting import format_argument, is_integer
from jaxdl.training import population

TUNING_STREAM = 1_000_003  # so that no network is tuned with a seed that decides


class Knob(NamedTuple):
    """A setting to tune: a range on a logarithmic or a linear scale.

    Attributes:
        low: Lower end of the range.
        high: Upper end of the range.
        points: Number of values in each round, at least 3.
        logarithmic: Whether the values are evenly spaced in their logarithms.
        low_is_limit: Whether the lower end is the natural limit of the setting, such as momentum 0.
        high_is_limit: Whether the upper end is.
    """

    low: float
    high: float
    points: int = 7
    logarithmic: bool = True
    low_is_limit: bool = False
    high_is_limit: bool = False


def tuned(
    score: Callable[..., Any],
    keys: Key[Array, "seeds"],
    knobs: Mapping[str, Knob],
    *,
    shared: tuple = (),
    networks: int = 1,
    rounds: int = 2,
    larger_is_better: bool = False,
) -> dict[str, Array]:
    """Choose settings on dev for each seed, with networks of other seeds; return them as arrays, one entry per seed.

    In each round every combination of the values of all knobs is tried. The next round has as many values between the
    neighbors of the best one. Every arm that is tuned with the same number of knobs, points, networks and rounds trains
    the same number of networks. A score that is not finite counts as the worst.

    Args:
        score: `score(*shared, key, settings)` trains a network and returns its score on dev; `settings` is a dictionary
            with a number for each knob.
        keys: The keys of the deciding seeds. Each tunes for itself. Tune for one key, and use the result for all seeds,
            only if the claim says at which settings it holds.
        knobs: The settings to tune, by name.
        shared: Data that all networks use.
        networks: Networks to average for each seed and setting.
        rounds: Number of grids, each finer than the one before.
        larger_is_better: Whether larger scores are better.

    Returns:
        The best value of each knob for each seed.

    Raises:
        TypeError: A knob is not a Knob.
        ValueError: The best value of a knob is an end of its range that is not its natural limit, or a range is empty.

    Example:
        A parabola in the logarithm of the learning rate, with its minimum at 0.03:

        >>> from jaxdl.experiment import Knob, tuned
        >>> score = lambda key, settings: (jnp.log(settings["rate"]) - jnp.log(0.03)) ** 2
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> [f"{rate:.3f}" for rate in tuned(score, keys, {"rate": Knob(1e-3, 1.0)})["rate"]]
        ['0.032', '0.032']
    """
    _check_knobs(knobs)
    for name, number in (("networks", networks), ("rounds", rounds)):
        if not is_integer(number) or number < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {format_argument(number)}.")
    seeds, names = len(keys), list(knobs)
    tuning = jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, TUNING_STREAM), networks))(keys)
    ranges = {name: np.tile(_scaled(knob, (knob.low, knob.high)), (seeds, 1)) for name, knob in knobs.items()}
    one = functools.partial(_score, score, names)
    best: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        grids = {
            name: np.linspace(ranges[name][:, 0], ranges[name][:, 1], knobs[name].points, axis=1) for name in names
        }
        places = np.array(list(itertools.product(*(range(knobs[name].points) for name in names))))
        values = np.stack([grids[name][:, places[:, column]] for column, name in enumerate(names)], axis=-1)
        raw = np.stack([_unscaled(knobs[name], values[..., column]) for column, name in enumerate(names)], axis=-1)
        shape = (seeds, len(places), networks)
        mapped = (
            jnp.broadcast_to(tuning[:, None], shape).reshape(-1),
            jnp.broadcast_to(jnp.asarray(raw)[:, :, None], (*shape, len(names))).reshape(-1, len(names)),
        )
        scores = np.asarray(population(one, *mapped, shared=shared), np.float64).reshape(shape).mean(axis=-1)
        scores = np.where(np.isfinite(scores), -scores if larger_is_better else scores, np.inf)
        if np.isinf(scores).all(axis=1).any():
            raise ValueError("score must be finite for some setting of every seed: widen the ranges of the knobs.")
        chosen = places[scores.argmin(axis=1)]
        for column, name in enumerate(names):
            best[name], ranges[name] = _refined(grids[name], chosen[:, column])
    for name, knob in knobs.items():
        _check_edges(name, knob, best[name])
    return {name: jnp.asarray(_unscaled(knobs[name], best[name])) for name in names}


def _score(score, names, *arguments) -> Any:
    *shared, key, values = arguments
    return score(*shared, key, {name: values[number] for number, name in enumerate(names)})


def _refined(grid, places) -> tuple[np.ndarray, np.ndarray]:
    """Return the chosen values of a grid, and the range between their neighbors."""
    rows, last = np.arange(len(grid)), grid.shape[1] - 1
    low, high = grid[rows, np.maximum(places - 1, 0)], grid[rows, np.minimum(places + 1, last)]
    return grid[rows, places], np.stack([low, high], axis=1)


def _scaled(knob, values) -> np.ndarray:
    return np.log(values) if knob.logarithmic else np.asarray(values, np.float64)


def _unscaled(knob, values) -> np.ndarray:
    return np.exp(values) if knob.logarithmic else values


def _check_knobs(knobs) -> None:
    if not isinstance(knobs, Mapping) or not knobs or not all(isinstance(knob, Knob) for knob in knobs.values()):
        raise TypeError(
            f"knobs must be a dictionary of Knob(low, high) by name, got {format_argument(knobs)}: write "
            "{'learning_rate': Knob(1e-4, 1.0)}."
        )
    for name, knob in knobs.items():
        numeric = all(isinstance(end, int | float) and np.isfinite(end) for end in knob[:2]) and is_integer(knob.points)
        if not numeric or not knob.low < knob.high or (knob.logarithmic and knob.low <= 0) or knob.points < 3:
            raise ValueError(
                f"the knob {name!r} must have finite low < high, positive on a logarithmic scale, and at least 3 "
                f"points, got {knob}."
            )


def _check_edges(name, knob, best) -> None:
    """Raise ValueError if a seed chose an end of the range that is not the natural limit of the setting."""
    for end, value, is_limit in (("lowest", knob.low, knob.low_is_limit), ("highest", knob.high, knob.high_is_limit)):
        at_end = np.isclose(_unscaled(knob, best), value, rtol=1e-9, atol=0.0 if knob.logarithmic else 1e-12)
        if at_end.any() and not is_limit:
            raise ValueError(
                f"the best {name} is the {end} that was tried, {value:g}, for {at_end.sum()} of {len(best)} seeds: "
                "widen its range, or say that it is a natural limit."
            )
