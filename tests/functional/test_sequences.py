import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F

GATES = {F.rnn: 1, F.gru: 3, F.lstm: 4}
CELL = {F.rnn: F.rnn_cell, F.gru: F.gru_cell, F.lstm: F.lstm_cell}
for_each_network = pytest.mark.parametrize("f", GATES, ids=lambda f: f.__name__)


def random_arguments(random, f, batch, time, inputs, hidden):
    """Draw inputs, a tuple of states, and weights of moderate size."""
    parts = GATES[f] * hidden
    x = random.normal(size=(batch, time, inputs))
    states = [random.normal(size=(batch, hidden)) for _ in range(2 if f is F.lstm else 1)]
    shapes = [(inputs, parts), (hidden, parts), (parts,), *([(hidden,)] if f is F.gru else [])]
    return x, tuple(states), [random.normal(size=shape) / hidden**0.5 for shape in shapes]


def run(f, *arguments):
    """Compile f, call it, and copy the result to the host."""
    return jax.device_get(jax.jit(f)(*arguments))


def hand_vjp(f, *arguments):
    return run(getattr(F, f"{f.__name__}_vjp"), *arguments)


def random_like(random, y):
    return jax.tree.map(lambda leaf: random.normal(size=tuple(leaf.shape)), y)


def assert_close(ours, theirs, rtol=1e-11, atol=1e-12):
    for mine, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=rtol, atol=atol)


def pytorch_outputs(torch, f, x, states, weights):
    """Return what f returns, by PyTorch's module with our weights, transposed, and our bias split into its two."""
    input_weights, hidden_weights, bias = weights[:3]
    if f is F.gru:
        both = bias, torch.cat([torch.zeros(2 * states[0].shape[1], dtype=bias.dtype), weights[3]])
    else:
        both = bias - 0.25, torch.full_like(bias, 0.25)
    kind = {F.rnn: torch.nn.RNN, F.gru: torch.nn.GRU, F.lstm: torch.nn.LSTM}[f]
    module = kind(x.shape[2], states[0].shape[1], batch_first=True, dtype=torch.float64)
    named = dict(zip(("weight_ih_l0", "weight_hh_l0"), (input_weights.T, hidden_weights.T), strict=True))
    named |= {"bias_ih_l0": both[0], "bias_hh_l0": both[1]}
    state = tuple(state[None] for state in states)
    outputs, last = torch.func.functional_call(module, named, (x, state if f is F.lstm else state[0]))
    return (outputs, last[1][0]) if f is F.lstm else outputs


@for_each_network
@pytest.mark.parametrize("sizes", [(3, 7, 2, 4), (1, 4, 5, 3), (2, 1, 3, 3), (2, 12, 1, 1)])
def test_outputs_and_gradients_equal_pytorch(torch, random, double, f, sizes):
    x, states, weights = random_arguments(random, f, *sizes)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (x, *states, *weights)]
    theirs = pytorch_outputs(torch, f, leaves[0], leaves[1 : 1 + len(states)], leaves[1 + len(states) :])
    g = random_like(random, theirs)
    torch.autograd.backward(jax.tree.leaves(theirs), [torch.tensor(np.array(a)) for a in jax.tree.leaves(g)])
    f_vjp = getattr(F, f"{f.__name__}_vjp")
    y, pulled = run(lambda g, *arguments: (f(*arguments), f_vjp(g, *arguments)), g, x, *states, *weights)
    assert_close(y, jax.tree.map(lambda y: y.detach().numpy(), theirs))
    assert_close(pulled, [leaf.grad.numpy() for leaf in leaves])


def unrolled_outputs(f, x, states, weights_of_step):
    """Apply the cell in a Python loop, with separate weights for each step."""
    outputs, state = [], states
    for step, weights in enumerate(weights_of_step):
        new = CELL[f](x[:, step], *state, *weights)
        state = new if f is F.lstm else (new,)
        outputs.append(state[0])
    outputs = jnp.stack(outputs, axis=1)
    return (outputs, state[1]) if f is F.lstm else outputs


@for_each_network
def test_gradients_are_the_sums_over_the_steps_of_the_unrolled_network(random, double, f):
    x, states, weights = random_arguments(random, f, 2, 4, 3, 2)
    y = run(f, x, *states, *weights)
    g = random_like(random, y)

    def pulled(g, *arguments):
        y, pull = jax.vjp(lambda *a: unrolled_outputs(f, *a), *arguments)
        return y, pull(g)

    unrolled, (x_bar, states_bar, of_steps) = run(pulled, g, x, states, [weights] * 4)
    assert_close(y, unrolled)
    summed = [sum(of_step) for of_step in zip(*of_steps, strict=True)]
    assert_close(hand_vjp(f, g, x, *states, *weights), [x_bar, *states_bar, *summed])


@for_each_network
def test_sequence_of_one_step_equals_the_cell_and_its_gradients(random, double, f):
    x, states, weights = random_arguments(random, f, 3, 1, 2, 4)
    cell = CELL[f]
    add_time = lambda y: (y[0][:, None], y[1]) if f is F.lstm else y[:, None]
    once = run(cell, x[:, 0], *states, *weights)
    assert_close(run(f, x, *states, *weights), add_time(once), rtol=1e-14)
    g = random_like(random, once)
    x_bar, *others = hand_vjp(cell, g, x[:, 0], *states, *weights)
    assert_close(hand_vjp(f, add_time(g), x, *states, *weights), [x_bar[:, None], *others], rtol=1e-14)


@for_each_network
def test_sequence_may_be_split_if_the_state_is_passed_on(random, double, f):
    x, states, weights = random_arguments(random, f, 3, 7, 2, 4)
    first, second, whole = x[:, :3], x[:, 3:], run(f, x, *states, *weights)
    if f is F.lstm:
        outputs, cell = run(f, first, *states, *weights)
        more, last = run(f, second, outputs[:, -1], cell, *weights)
        assert_close((np.concatenate([outputs, more], axis=1), last), whole, rtol=1e-13)
    else:
        outputs = run(f, first, *states, *weights)
        assert_close(np.concatenate([outputs, run(f, second, outputs[:, -1], *weights)], axis=1), whole, rtol=1e-13)


@for_each_network
def test_empty_sequence_has_no_outputs_and_keeps_the_cell(random, f):
    x, states, weights = random_arguments(random, f, 3, 0, 2, 4)
    y = run(f, x, *states, *weights)
    outputs = y[0] if f is F.lstm else y
    assert outputs.shape == (3, 0, 4)
    g = random_like(random, y)
    x_bar, hidden_bar, *others = hand_vjp(f, g, x, *states, *weights)
    assert x_bar.shape == (3, 0, 2)
    assert not hidden_bar.any()
    if f is F.lstm:
        assert np.array_equal(y[1], np.float32(states[1]))
        assert np.array_equal(others.pop(0), np.float32(g[1]))
    assert not any(weights_bar.any() for weights_bar in others)


@for_each_network
def test_outputs_do_not_depend_on_later_inputs(random, f):
    x, states, weights = random_arguments(random, f, 2, 6, 3, 4)
    outputs = lambda x: jax.tree.leaves(run(f, x, *states, *weights))[0]
    later = x + (np.arange(6) >= 4)[:, None]
    assert np.array_equal(outputs(x)[:, :4], outputs(later)[:, :4])
    assert not np.array_equal(outputs(x)[:, 4:], outputs(later)[:, 4:])
    g = jax.tree.map(np.zeros_like, run(f, x, *states, *weights))
    jax.tree.leaves(g)[0][:, 3] = 1.0
    x_bar = hand_vjp(f, g, x, *states, *weights)[0]
    assert not x_bar[:, 4:].any()
    assert (x_bar[:, :4] != 0).all()


@for_each_network
def test_example_does_not_depend_on_the_rest_of_the_batch(random, double, f):
    x, states, weights = random_arguments(random, f, 4, 5, 3, 2)
    alone = run(f, x[2:3], *(state[2:3] for state in states), *weights)
    assert_close(alone, jax.tree.map(lambda leaf: leaf[2:3], run(f, x, *states, *weights)), rtol=1e-12)


def last_step_only(steps, g):
    """Return a cotangent of the outputs that is g at the last step and 0 before."""
    return np.concatenate([np.zeros((len(g), steps - 1, 4)), g[:, None]], axis=1)


def gradient_of_small_signals(radius, steps, random):
    """Return the gradient of the initial state for signals so small that tanh is the identity."""
    rotation = np.linalg.qr(random.normal(size=(4, 4)))[0]
    weights = np.zeros((1, 4)), radius * rotation, np.zeros(4)
    last = random.normal(size=(1, 4))
    g = last_step_only(steps, last)
    _, hidden_bar, *_ = hand_vjp(F.rnn, g, np.zeros((1, steps, 1)), np.zeros((1, 4)), *weights)
    return hidden_bar, last, radius * rotation


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("steps", [1, 7, 30])
def test_gradient_of_small_signals_is_a_power_of_the_weights(random, double, radius, steps):
    hidden_bar, last, weights = gradient_of_small_signals(radius, steps, random)
    np.testing.assert_allclose(hidden_bar, last @ np.linalg.matrix_power(weights.T, steps), rtol=1e-9, atol=1e-15)
    growth = np.linalg.norm(hidden_bar) / np.linalg.norm(last)
    assert growth == pytest.approx(radius**steps, rel=1e-10)  # it vanishes, is constant or explodes


def test_gradient_vanishes_through_saturated_units_despite_large_weights(random, double):
    weights = np.zeros((1, 4)), 2 * np.eye(4), np.full(4, 3.0)
    g = last_step_only(20, np.ones((1, 4)))
    _, hidden_bar, *_ = hand_vjp(F.rnn, g, np.zeros((1, 20, 1)), np.zeros((1, 4)), *weights)
    assert 0 < abs(hidden_bar).max() < 1e-40


def test_open_gate_passes_the_gradient_unchanged_over_a_hundred_steps(random, double):
    x, (hidden, cell), weights = random_arguments(random, F.lstm, 2, 100, 3, 4)
    weights[2] = np.repeat([-50.0, 50.0, 0.0, 0.0], 4)
    g = np.zeros((2, 100, 4)), random.normal(size=(2, 4))
    _, _, cell_bar, *_ = hand_vjp(F.lstm, g, x, hidden, cell, *weights)
    np.testing.assert_allclose(cell_bar, g[1], rtol=1e-10)
    x, (hidden,), weights = random_arguments(random, F.gru, 2, 100, 3, 4)
    weights[2] = np.repeat([0.0, 50.0, 0.0], 4)
    g = last_step_only(100, g[1])
    _, hidden_bar, *_ = hand_vjp(F.gru, g, x, hidden, *weights)
    np.testing.assert_allclose(hidden_bar, g[:, -1], rtol=1e-10)


@for_each_network
def test_large_inputs_give_finite_values_and_gradients(f):
    x, states, weights = random_arguments(np.random.default_rng(1), f, 3, 4, 2, 2)

    def value_and_cotangents(x):
        y, pull = jax.vjp(lambda x: f(x, *states, *weights), x)
        return y, pull(y), getattr(F, f"{f.__name__}_vjp")(y, x, *states, *weights)

    states, weights = jax.tree.map(jnp.asarray, (states, weights))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run(value_and_cotangents, np.float32(1e4 * x))))


@for_each_network
def test_nan_affects_its_own_and_later_steps_only(random, f):
    x, states, weights = random_arguments(random, f, 2, 5, 3, 2)
    x[0, 2, 1] = np.nan
    outputs = jax.tree.leaves(run(f, x, *states, *weights))[0]
    assert np.isnan(outputs).all(axis=2).tolist() == [[False, False, True, True, True], [False] * 5]


@for_each_network
def test_wrong_shapes_raise_with_the_name_of_the_argument(unchecked, random, f):
    x, states, weights = random_arguments(random, f, 2, 5, 3, 2)
    x, states, weights = jax.tree.map(jnp.asarray, (x, states, weights))
    axis = {1: "hidden", 3: r"3\*hidden", 4: r"4\*hidden"}[GATES[f]]
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, time, inputs\), got \(2, 3\)"):
        unchecked(f)(x[:, 0], *states, *weights)
    with pytest.raises(ValueError, match=r"hidden must have the shape \(batch, hidden\) with batch = 2, got"):
        unchecked(f)(x, states[0][:1], *states[1:], *weights)
    weights[2] = jnp.zeros(1)
    with pytest.raises(ValueError, match=rf"bias must have the shape \({axis},\) with {axis} = {2 * GATES[f]}, got"):
        unchecked(f)(x, *states, *weights)


@for_each_network
def test_second_derivatives_are_finite(random, double, f):
    x, states, weights = random_arguments(random, f, 1, 3, 1, 1)
    loss = lambda *a: sum((leaf**2).sum() for leaf in jax.tree.leaves(f(*a)))
    arguments = x, *states, *weights
    blocks = jax.jit(jax.hessian(loss, argnums=tuple(range(len(arguments)))))(*arguments)
    assert all(np.isfinite(block).all() for block in jax.tree.leaves(blocks))
    assert np.any(jax.tree.leaves(blocks)[0] != 0)


def test_a_gru_with_the_reset_before_the_product_applies_that_cell_at_every_step(random, double):
    x, (hidden,), weights = random_arguments(random, F.gru, 2, 3, 2, 3)

    def both(x, hidden, *weights):
        states, state = F.gru(x, hidden, *weights, reset_after=False), hidden
        for t in range(3):
            state = F.gru_cell(x[:, t], state, *weights, reset_after=False)
        return states[:, -1], state

    np.testing.assert_allclose(*run(both, x, hidden, *weights), rtol=1e-13)
