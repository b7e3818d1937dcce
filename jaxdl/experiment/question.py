"""A question of one's own: compare methods on one's own data, with a rule that is fixed before they are measured."""

import pathlib
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Claim, Experiment, Measured, Panel, Rule
from jaxdl.experiment.conduct import conduct, results
from jaxdl.runs.directory import resumable_run, write_environment
from jaxdl.training import population


class Answer(NamedTuple):
    """The answer to a question, as `results` returns it: `reports.figure(answer)` draws it.

    Attributes:
        result: The result: verdict, finding, power, seeds, versions.
        measured: The numbers of every seed by arm.
    """

    result: dict[str, Any]
    measured: Measured

    @property
    def verdict(self) -> str:
        """The outcome: supported, refuted, conditional or inconclusive."""
        return self.result["claims"][0]["verdict"]

    @property
    def finding(self) -> str:
        """The measured difference with its interval, and the seeds that would decide if these do not."""
        return self.result["claims"][0]["finding"]

    def __repr__(self) -> str:
        claim, count = self.result["claims"][0], self.result["registrations"]
        says = claim["says"] if claim["says"][-1] in ".?!" else f"{claim['says']}."
        sentences = [says, f"{claim['verdict'].capitalize()}.", claim["finding"]]
        sentences += [f"{claim['plan']}."] if claim["plan"] else []
        sentences += [f"{count} rules have been measured for this question."] if count > 1 else []
        return " ".join(sentences)


class Metric(NamedTuple):
    """Quantity that a question measures.

    Attributes:
        name: Name with its unit, the label of the axis.
        larger_is_better: Whether larger numbers are better; None if neither is.
        step: Smallest possible change, such as 1/n for a share of n examples, or None.
    """

    name: str = "result"
    larger_is_better: bool | None = None
    step: float | None = None


def ask(
    question: str,
    arms: Mapping[str, Callable[..., Any]],
    rule: Rule,
    *,
    seeds: int = 32,
    shared: tuple = (),
    metric: Metric = Metric(),  # noqa: B008
    level: float = 0.05,
    out: pathlib.Path | str | None = None,
) -> Answer:
    """Measure the arms of a question for many seeds, in one compiled program each, and decide it by a rule.

    The seeds derive from the rule, its level and the code: a changed rule is decided on new seeds.

    Args:
        question: The claim, as a sentence that can be true or false.
        arms: `train_one(*shared, key)` for each arm, which returns one number.
        rule: The rule, which names arms.
        seeds: Number of seeds.
        shared: Data that all arms use.
        metric: What is measured.
        level: Significance level of all tests of the rule together.
        out: Run directory, for `reports.write_report`; None keeps nothing on disk.

    Returns:
        Verdict, finding and numbers.

    Raises:
        TypeError: The arms are not functions by name, or the rule has another type.
        ValueError: The rule cannot be right, or the seeds are too few for its interval.

    Example:
        >>> from jaxdl.experiment import MEDIAN, Greater, ask
        >>> arms = {"few": lambda key: jnp.abs(jax.random.normal(key, (9,)).mean()),
        ...         "many": lambda key: jnp.abs(jax.random.normal(key, (99,)).mean())}
        >>> rule = Greater("few", "many", 0.02, MEDIAN, effect=0.15, expected_sd=0.2)
        >>> ask("The mean of 9 numbers is farther from 0 than that of 99.", arms, rule, seeds=100).verdict
        'supported'
    """
    _check_arguments(question, arms, metric)

    def measure(keys: Key[Array, "seeds"]) -> Iterator[tuple[Arm, Any]]:
        for name, train_one in arms.items():
            yield name, _numbers(name, train_one, keys, shared)

    name = re.sub(r"\W+", "_", question.lower()).strip("_")[:60] or "question"
    panel = Panel(metric.name, {arm: arm for arm in arms}, None, (), metric.larger_is_better, metric.step)
    experiment = Experiment(name, None, question, (Claim(question, rule),), (panel,), seeds, measure, level=level)
    if out is None:
        with tempfile.TemporaryDirectory() as directory:
            return _answer(experiment, pathlib.Path(directory))
    with resumable_run(pathlib.Path(out), {"question": question}) as directory:
        write_environment(directory)
        return _answer(experiment, directory / "experiments")


def _check_arguments(question, arms, metric) -> None:
    if not isinstance(question, str) or not question.strip():
        raise TypeError(f"question must be a sentence, got {format_argument(question)}.")
    if not isinstance(arms, Mapping) or not arms:
        raise TypeError(
            f"arms must be a dictionary of functions of a key by name, got {format_argument(arms)}: write "
            "{'dropout': train_with_dropout, 'plain': train}."
        )
    for name, train_one in arms.items():
        if not isinstance(name, str) or not callable(train_one):
            raise TypeError(
                f"arms must be a dictionary of functions of a key by name, got {format_argument(train_one)} for "
                f"{name!r}: give the function, without calling it."
            )
    if not isinstance(metric, Metric):
        raise TypeError(
            f"metric must be a Metric, got {format_argument(metric)}: write Metric('accuracy', larger_is_better=True)."
        )


def _numbers(name, train_one, keys, shared) -> np.ndarray:
    """Train an arm for all keys. Errors name the arm; numbers that no key changes give a warning."""
    try:
        numbers = population(train_one, keys, shared=shared)
    except (TypeError, ValueError) as error:
        raise type(error)(f"the arm {name!r} cannot be measured: {error}") from error
    if not hasattr(numbers, "shape") or numbers.shape != (len(keys),):
        one = jax.tree.map(lambda leaf: leaf[0], numbers)
        raise ValueError(
            f"the arm {name!r} must return one number, got {format_argument(one)}: return one score, such as a mean."
        )
    if len(keys) > 1 and np.ptp(np.asarray(numbers)) == 0:
        warnings.warn(f"the arm {name!r} has the same number for every seed: does it use its key?", stacklevel=5)
    return np.asarray(numbers)


def _answer(experiment, directory) -> Answer:
    conduct(experiment, directory)
    return Answer(*next(pair for pair in results(directory) if pair[0]["name"] == experiment.name))
