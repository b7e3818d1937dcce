"""Examples of functions of jaxdl are solved once; the examples of others each time."""

import numpy as np

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.derivation.solutions import solved_examples


def test_own_examples_of_jaxdl_are_solved_once_with_all_edge_cases():
    examples = derivation.examples(F.relu)
    solved = solved_examples(F.relu, examples, True, False)
    assert solved is solved_examples(F.relu, examples, True, False)
    assert any("NaN" in edge.case.title for edge in solved.edges)


def test_other_examples_are_solved_each_time_with_ties_only():
    examples = [((np.array([1.0, -2.0]),), {})]
    solved = solved_examples(F.relu, examples, False, False)
    assert [leaf.tolist() for leaf in solved.cases[0].reference[0]] == [[solved.cases[0].inputs[0][0][0], 0.0]]
    assert not any("NaN" in edge.case.title for edge in solved.edges)


def test_a_function_without_a_module_is_solved_like_any_other():
    """Functions that `exec` has made may have no module."""

    def double(x):
        return 2 * x

    double.__module__ = None
    pair = derivation.VJPPair("double", double, lambda g, x: (2 * g,))
    assert not derivation.compare(pair, [((np.ones(3),), {})]).fault
