"""`prove` finds the VJP of a reader's own function, and says what is wrong with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.derivation import VJPPair, compare, prove
from tests.derivation import own_derivations


def square(x, *, times=1.0):
    return times * x**2


def square_vjp(g, x, *, times=1.0):
    return (2 * times * g * x,)


SHAPES = {"x": (4, 2), "W1": (2, 3), "b1": (3,), "W2": (3, 1), "b2": (1,)}


def inputs(convert, dtype):
    random = np.random.default_rng(0)
    return tuple(convert(random.normal(size=shape).astype(dtype)) for shape in SHAPES.values())


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_own_function_is_proven_with_arrays_of_any_kind(convert, dtype):
    with jax.enable_x64(dtype == "float64"):
        examples = [inputs(convert, dtype)]
    assert {array.dtype for array in examples[0]} == {np.dtype(dtype)}
    (proof,) = prove(own_derivations.network, examples=examples)
    assert (proof.name, proof.fault, proof.shapes) == ("network", "", (tuple(SHAPES.values()),))


def test_own_functions_are_proven_on_their_examples_or_on_random_arrays():
    own = own_derivations
    proofs = {proof.name: proof for proof in prove([own.network, own.log_loss, own.leaky, "relu"])}
    assert {name: proof.fault for name, proof in proofs.items()} == dict.fromkeys(proofs, "")
    assert list(proofs) == ["network", "log_loss", "leaky", "relu"]
    assert [shapes[0] for shapes in proofs["network"].shapes] == [(1, 2), (4, 2)]
    assert [shapes[1] for shapes in proofs["log_loss"].shapes] == [(10,), (1,), (100,)]


def test_all_pairs_of_a_module_are_proven():
    proofs = {proof.name: proof.fault for proof in prove(own_derivations)}
    assert {name for name, fault in proofs.items() if not fault} == {"leaky", "log_loss", "network"}
    assert proofs["halved"].startswith("case 0: float64 error 1.0e+00 is over 1e-12, largest at x[")


def test_function_without_a_vjp_raises_before_anything_is_compared():
    with pytest.raises(ValueError, match="without_vjp has no hand-derived VJP: no function without_vjp_vjp is defined"):
        prove(own_derivations.without_vjp)


def test_pair_inside_a_function_is_found_with_its_examples():
    def cube(x):
        return x**3

    def cube_vjp(g, x):
        return (3 * g * x**2,)

    def cube_examples(random):
        return [(random.normal(size=7),)]

    (proof,) = prove(cube)
    assert (proof.fault, proof.shapes) == ("", (((7,),),))


def test_settings_of_an_example_are_passed_as_keywords():
    x = np.array([[1.0, 2.0]])
    (proof,) = prove(VJPPair("square", square, square_vjp), examples=[(x,), ((x,), {"times": 3.0})])
    assert proof.fault == ""
    without_times = VJPPair("square", square, lambda g, x, *, times=1.0: (2 * g * x,))
    (proof,) = prove(without_times, examples=[(x,), ((x,), {"times": 3.0})])
    assert proof.fault.startswith("case 1 {'times': 3.0}: float64 error 6.7e-01 is over 1e-12, largest at x[0, 1]: ")


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([np.ones((1, 2))], r"each example must be a tuple .* but example 0 is a ndarray\."),
        ([(np.ones((1, 2)),), ()], r"example 1 does not fit square\(.*\): missing a required argument: 'x'\."),
        ([], "examples must hold at least one tuple of arguments, got none"),
        (
            np.ones((1, 2)),
            r"examples must be a list of tuples of arguments, such as \[\(x,\)\], got an array of float64",
        ),
        (lambda random: [], r"examples must be a list .* got the function <lambda>: write a tuple for each example"),
        ([(np.ones(2), {"times": 3.0})], r"arguments in a tuple .*: write \(\(x,\), \{\"times\": \.\.\.\}\)\."),
        ([(np.ones(2), 3.0)], r"times must be given by name, in a pair .*: \(\(x,\), \{\"times\": \.\.\.\}\)\."),
    ],
)
def test_examples_that_do_not_fit_raise(examples, message, unchecked):
    with pytest.raises((TypeError, ValueError), match=message):
        unchecked(prove)(VJPPair("square", square, square_vjp), examples=examples)


def test_fault_names_the_argument_the_place_and_both_values():
    """The oracle is the closed form in NumPy: the factor 1 − h² of the hidden layer is missing in W1 and b1 only."""

    def wrong(g, x, W1, b1, W2, b2):
        dx, _, _, dW2, db2 = own_derivations.network_vjp(g, x, W1, b1, W2, b2)
        return dx, x.T @ (g @ W2.T), (g @ W2.T).sum(0), dW2, db2

    x, W1, b1, W2, b2 = (array.astype("float64") for array in inputs(np.asarray, "float32"))
    g = np.random.default_rng(1).standard_normal((4, 1)).astype("float32").astype("float64")  # as compare draws it
    by_hand, by_jax = x.T @ (g @ W2.T), x.T @ (g @ W2.T * (1 - np.tanh(x @ W1 + b1) ** 2))
    place = np.unravel_index(np.abs(by_hand - by_jax).argmax(), by_hand.shape)
    error = np.abs(by_hand - by_jax).max() / np.abs(by_jax).max()
    pair = VJPPair("network", own_derivations.network, wrong)
    proof = compare(pair, [((x, W1, b1, W2, b2), {})])
    assert proof.fault == (
        f"case 0: float64 error {error:.1e} is over 1e-12, largest at W1[{place[0]}, {place[1]}]: "
        f"{by_hand[place]:.4g} by hand, {by_jax[place]:.4g} by jax; also wrong: b1"
    )


def test_fault_names_the_leaf_of_a_tree_and_of_variable_arguments():
    def total(params, *rest):
        return params["a"].sum() + params["b"].sum() + rest[0].sum() + rest[1].sum()

    def total_vjp(g, params, *rest):
        ones = jax.tree.map(lambda leaf: g * jnp.ones_like(leaf), (params, *rest))
        return {**ones[0], "b": ones[0]["b"].at[1].set(0)}, ones[1], 1.5 * ones[2]

    case = (({"a": np.ones(2), "b": np.ones(3)}, np.ones(2), np.array(1.0)), {})
    fault = compare(VJPPair("total", total, total_vjp), [case]).fault
    assert "largest at params['b'][1]: 0 by hand, " in fault
    assert fault.endswith("also wrong: rest[1]")


def test_gradient_that_is_zero_up_to_rounding_is_judged_by_the_largest():
    """A bias before a softmax has gradient 0: the roundings of jax and of the hand-derived sum differ."""

    def shifted(logits, bias):
        return jax.nn.softmax(logits + bias)

    def shifted_vjp(g, logits, bias):
        s = jax.nn.softmax(logits + bias)
        dz = s * (g - (s * g).sum(axis=1, keepdims=True))
        return dz, dz[::-1].sum() + 1e-17

    def wrong_vjp(g, logits, bias):
        dz, _ = shifted_vjp(g, logits, bias)
        return dz, 1e-8 * g.sum()

    case = ((np.random.default_rng(0).normal(size=(5, 3)), np.array(0.5)), {})
    assert compare(VJPPair("shifted", shifted, shifted_vjp), [case]).fault == ""
    assert "largest at bias: " in compare(VJPPair("shifted", shifted, wrong_vjp), [case]).fault


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            (np.ones((1, 2)), {"time": 2.0}),
            r"does not fit square\(x, times\): unknown setting 'time'\. Did you mean 'times'",
        ),
        (
            ([1.0, 2.0],),
            r"arguments must be arrays, but example 0 of square\(x, times\) has a list: convert it with np",
        ),
        ((np.array([1, 2]),), r"must be floating, but example 0 of square\(x, times\) has only integers: convert"),
    ],
)
def test_examples_of_the_wrong_kind_raise(example, message, unchecked):
    with pytest.raises(ValueError, match=message):
        unchecked(prove)(VJPPair("square", square, square_vjp), examples=[example])


def test_function_in_numpy_is_reported_with_the_remedy():
    fault = compare(VJPPair("f", lambda x: np.tanh(x), lambda g, x: (g,)), [((np.ones(2),), {})]).fault
    assert (
        fault == "case 0: jax cannot differentiate NumPy: write f with jax.numpy, such as jnp.tanh instead of np.tanh"
    )


def test_a_function_may_be_compared_instead_of_its_pair():
    assert not compare(own_derivations.leaky).fault
    with pytest.raises(ValueError, match="without_vjp has no hand-derived VJP"):
        compare(own_derivations.without_vjp)


def with_a_number(x):
    return x


with_a_number_vjp = 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((jnp,), r"jax.numpy has no pair of functions f and f_vjp: define the gradient of f as f_vjp\."),
        (
            ([own_derivations],),
            r"a pair must be a function f or VJPPair\(.*\), got module: pass the module alone to prove",
        ),
        ((3,), "a pair must be a function f .* got 3: pass f itself, with f_vjp defined beside it"),
        ((np.ones(3),), "a pair must be a function f .* got an array of float64"),
        ((VJPPair("square", square, None),), "a VJPPair must hold a name and two functions, got None"),
        ((square_vjp,), "square_vjp is a VJP itself: pass square, the function that it belongs to"),
        ((square, square_vjp), "package must be an imported module, got the function square_vjp: "),
        ((with_a_number,), "with_a_number_vjp must be a function, got 3: "),
        (("my_relu",), r"unknown function 'my_relu'\..* For one of your own, pass prove the function, or jaxdl check"),
    ],
)
def test_what_is_no_pair_raises(arguments, message, unchecked):
    with pytest.raises((TypeError, ValueError), match=message):
        unchecked(prove)(*arguments)


def test_functions_that_jax_cannot_trace_are_reported_with_the_remedy():
    def fault(f):
        return compare(VJPPair("f", f, lambda g, x: (g,)), [((np.ones(2),), {})]).fault

    assert fault(lambda x: x if x.sum() > 0 else -x).startswith("case 0: jax cannot trace `if`, `while`, `float()` and")
    assert (
        fault(lambda x: None) == "case 0: TypeError: f must return an array, got None; end it with a return statement"
    )
