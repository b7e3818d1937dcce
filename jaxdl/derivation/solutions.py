"""Everything that a VJP is compared with: the examples of a function and what is made of them, solved by `jax.vjp`."""

import functools
from typing import NamedTuple

import jax
import numpy as np

from jaxdl.derivation.cotangents import Case, Program, cases_of, reference_program
from jaxdl.derivation.discovery import examples as examples_of
from jaxdl.derivation.edge_cases import EdgeCase, edge_cases_of, ties_of
from jaxdl.derivation.setting_variants import COMBINATIONS, Variant, has_no_effect, unset_settings, variants_of
from jaxdl.derivation.unusual_arrays import UnusualCase, unusual_cases


class Solved(NamedTuple):
    """Cases, variants, edge cases and unusual cases of a function, with jax's cotangents, and the program of these.

    Attributes:
        cases: The examples, in float64 and in float32, with jax's cotangents.
        varied: Examples with other settings, with jax's cotangents.
        edges: The edge cases.
        edge_references: Cotangents of each edge case by `jax.vjp`.
        unusual: Versions of the examples with unusual size or precision, with jax's cotangents.
        reference: Program that computes jax's cotangents in float64.
        unset: Settings that no example sets and no variant shows the effect of.
    """

    cases: list[Case]
    varied: list[Variant]
    edges: list[EdgeCase]
    edge_references: list
    unusual: list[UnusualCase]
    reference: Program
    unset: tuple[str, ...]


def solved_examples(f, examples, are_own, edge_cases) -> Solved:
    """Solve the examples: the own ones of functions of jaxdl once for a VJP and all mutants; others may change."""
    if are_own and _is_of_jaxdl(f):
        return _solved_once(f)
    return _solve(f, examples, edge_cases)


def _is_of_jaxdl(f) -> bool:
    return (getattr(f, "__module__", None) or "").startswith("jaxdl.functional.")


@functools.cache
def _solved_once(f) -> Solved:
    return _solve(f, examples_of(f), True)


def _solve(f, examples, edge_cases) -> Solved:
    """Compute jax's cotangents for examples, for their variants, and for their edge cases in float64."""
    cases = cases_of(f, examples)
    variants = variants_of(f, examples, 0 if _is_of_jaxdl(f) else COMBINATIONS)
    unusual = list(unusual_cases(f, cases, edge_cases))
    ordinary = [*cases, *(variant.case for variant in variants)]
    exact = [case.exact for case in unusual if case.exact is not None]
    in_double, in_single = reference_program(f, [*ordinary, *exact]), reference_program(f, ordinary)
    by_precision = in_double(ordinary, 0), in_single(ordinary, 1)
    solved = [
        case._replace(reference=both) for case, both in zip(ordinary, zip(*by_precision, strict=True), strict=True)
    ]
    cases, of_variants = solved[: len(cases)], solved[len(cases) :]
    varied = [v._replace(case=case) for v, case in zip(variants, of_variants, strict=True) if _is_finite(case)]
    effective = {variant.drawn for variant in varied if not has_no_effect(variant, cases)}
    unset = tuple(name for name in unset_settings(f, examples) if name not in effective)
    known = iter(in_double(exact, 0))
    unusual = [
        each if each.exact is None else each._replace(case=each.case._replace(reference=(next(known),)))
        for each in unusual
    ]
    edges = list((edge_cases_of if edge_cases else ties_of)(cases))
    return Solved(cases, varied, edges, in_double([edge.case for edge in edges], 0), unusual, in_double, unset)


def _is_finite(case) -> bool:
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(case.reference))
