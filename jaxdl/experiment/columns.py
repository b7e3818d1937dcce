"""Columns that are computed from arms, seed by seed: a contrast, a spread over replicates, or any function of arms."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import TypeAliasType

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Measured, number_text


class UndefinedNumbersError(ValueError):
    """Raised if a rule reads an arm that is NaN for some seeds; `arm` is that arm."""

    def __init__(self, message: str, arm: Arm) -> None:
        super().__init__(message)
        self.arm = arm


class Column(NamedTuple):
    """A number for each seed that is computed from the numbers of arms, such as a slope or the place of a minimum.

    A rule takes a column wherever it takes an arm. A run that failed has an infinite number.

    Attributes:
        label: Its name in texts; "{0}" and "{1}" stand for the names of the arms.
        arms: The arms that it is computed from.
        compute: Function of as many arrays as there are arms, each with one number per seed; returns such an array.

    Example:
        Batch size with the lowest error, for each seed:

        >>> from jaxdl.experiment import Column
        >>> sizes = np.array([2, 16, 128])
        >>> best = Column("best batch size", tuple(("error", size) for size in sizes.tolist()),
        ...               lambda *errors: sizes[np.argmin(errors, axis=0)])
        >>> best.numbers({("error", 2): np.array([0.3, 0.1]), ("error", 16): np.array([0.1, 0.2]),
        ...               ("error", 128): np.array([0.2, 0.3])}).tolist()
        [16.0, 2.0]
    """

    label: str
    arms: tuple[Arm, ...]
    compute: Callable[..., Any]

    def numbers(self, measured: Measured) -> np.ndarray:
        """Return the number of each seed. Raises ValueError for an unknown arm or another number of values."""
        arrays = [numbers_of(arm, measured) for arm in self.arms]
        with np.errstate(all="ignore"):
            values = np.asarray(self.compute(*arrays), np.float64)
        if arrays and values.shape != arrays[0].shape:
            raise ValueError(
                f"the column {self.label!r} must have one number for each seed, of the shape {arrays[0].shape}, got "
                f"{values.shape}: reduce over the arms, such as with axis=0."
            )
        return values


Quantity = TypeAliasType("Quantity", Arm | Column | float | int)


def contrast(arm: Arm, reference: Arm, placebo: Arm, placebo_reference: Arm) -> Column:
    """Return how much larger the effect of an arm is than that of its placebo: (a − b) − (c − d), seed by seed.

    A claim about a cause needs it: in the placebo the suspected cause is broken and all else is kept.

    Args:
        arm: The arm with the cause.
        reference: The arm that it is compared with.
        placebo: The arm in which the cause is broken.
        placebo_reference: The arm that the placebo is compared with; often `reference` again.

    Example:
        >>> from jaxdl.experiment import contrast
        >>> gain = contrast("pooled", "plain", "pooled_shuffled", "plain_shuffled")
        >>> gain.numbers({"pooled": np.array([0.9]), "plain": np.array([0.7]), "pooled_shuffled": np.array([0.5]),
        ...               "plain_shuffled": np.array([0.4])}).round(3).tolist()
        [0.1]
    """
    arms = arm, reference, placebo, placebo_reference
    return Column("({0} − {1}) − ({2} − {3})", arms, lambda a, b, c, d: (a - b) - (c - d))


def spread(arm: str, replicates: Sequence[float | int]) -> Column:
    """Return the standard deviation of an arm over its replicates, for each seed, to compare by a ratio.

    Args:
        arm: Name of the arm, which a panel measures over the replicates.
        replicates: Values of that variable, at least two.

    Raises:
        ValueError: There are fewer than two replicates.

    Example:
        >>> from jaxdl.experiment import spread
        >>> noise = spread("loss", (1, 2, 3))
        >>> noise.numbers({("loss", 1): np.array([1.0]), ("loss", 2): np.array([2.0]), ("loss", 3): np.array([3.0])})
        array([1.])
    """
    if len(replicates) < 2:
        raise ValueError(f"replicates must be at least two, got {len(replicates)}: one has no spread.")
    arms = tuple((arm, replicate) for replicate in replicates)
    return Column("standard deviation over replicates of {0}", arms, lambda *runs: np.std(runs, axis=0, ddof=1))


def arms_in(quantity: Any) -> list[Arm]:
    """Return the arms that a quantity is computed from; a number has none."""
    if isinstance(quantity, Column):
        return [arm for each in quantity.arms for arm in arms_in(each)]
    return [quantity] if isinstance(quantity, str | tuple) else []


def numbers_of(quantity: Quantity, measured: Measured) -> np.ndarray:
    """Return the numbers of an arm or a column, or the number that is compared with."""
    if isinstance(quantity, Column):
        return quantity.numbers(measured)
    if not isinstance(quantity, str | tuple):
        return np.asarray(quantity, np.float64)
    if quantity not in measured:
        raise ValueError(f"unknown arm {quantity!r}. Measured: {', '.join(map(repr, measured))}.")
    values = np.asarray(measured[quantity], np.float64)
    if np.isnan(values).any():
        wrong = np.flatnonzero(np.isnan(values))
        seeds = ", ".join([*map(str, wrong[:5]), *["…"] * (len(wrong) > 5)])
        raise UndefinedNumbersError(
            f"the arm {quantity!r} is NaN for {len(wrong)} seeds ({seeds}): measure FAILED for a run that diverged, by "
            "jnp.where(jnp.isfinite(x), x, FAILED), and mend a measurement that is not defined.",
            quantity,
        )
    return values


def label_of(quantity: Quantity, name_of: Callable[[Any], str]) -> str:
    """Return a quantity as text; `name_of` gives the label of an arm."""
    if isinstance(quantity, Column):
        return quantity.label.format(*(label_of(arm, name_of) for arm in quantity.arms))
    return name_of(quantity) if isinstance(quantity, str | tuple) else number_text(quantity)


def label_of_difference(arm: Quantity, reference: Quantity | None, sign: str, name_of: Callable[[Any], str]) -> str:
    """Return what is compared as text, such as "mlp − linear"; without a reference, the quantity itself."""
    is_alone = reference is None or (sign == "−" and isinstance(reference, int | float) and reference == 0)
    return label_of(arm, name_of) + ("" if is_alone else f" {sign} {label_of(reference, name_of)}")


def check_quantity(name: str, quantity: Any) -> None:
    """Raise TypeError unless a quantity is an arm, a column or a number."""
    is_arm = isinstance(quantity, str) or (type(quantity) is tuple and len(quantity) == 2)
    is_number = isinstance(quantity, int | float | np.number) and not isinstance(quantity, bool)
    if not (is_arm or is_number or isinstance(quantity, Column)):
        raise TypeError(f"{name} must be an arm, a Column or a number, got {format_argument(quantity)}.")
