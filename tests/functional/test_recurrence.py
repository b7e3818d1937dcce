import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F

GATES = {F.rnn_cell: 1, F.gru_cell: 3, F.lstm_cell: 4}
for_each_cell = pytest.mark.parametrize("cell", GATES, ids=lambda cell: cell.__name__)


def random_arguments(random, cell, batch, inputs, hidden):
    """Draw an input, the state and the weights."""
    parts = GATES[cell] * hidden
    states = [(batch, hidden)] * (2 if cell is F.lstm_cell else 1)
    extra = [(hidden,)] if cell is F.gru_cell else []
    shapes = [(batch, inputs), *states, (inputs, parts), (hidden, parts), (parts,), *extra]
    return [random.normal(size=shape) for shape in shapes]


def run(f, *arguments):
    """Compile f, call it, and copy the result to the host."""
    return jax.device_get(jax.jit(f)(*arguments))


def assert_close(ours, theirs):
    for mine, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-11, atol=1e-13)


def pytorch_cell(torch, cell, x, *arguments):
    """Apply PyTorch's cell with our weights, transposed, and our bias split into its two."""
    *states, input_weights, hidden_weights, bias = arguments[:-1] if cell is F.gru_cell else arguments
    kind = {F.rnn_cell: torch.nn.RNNCell, F.gru_cell: torch.nn.GRUCell, F.lstm_cell: torch.nn.LSTMCell}[cell]
    share = 0.25 * torch.ones_like(bias)
    if cell is F.gru_cell:
        hidden = states[0].shape[1]
        share = torch.cat([share[: 2 * hidden], arguments[-1]])
        bias = torch.cat([bias[: 2 * hidden] - 0.25, bias[2 * hidden :]])
    else:
        bias = bias - share
    weights = {
        "weight_ih": input_weights.T,
        "weight_hh": hidden_weights.T,
        "bias_ih": bias,
        "bias_hh": share,
    }
    module = kind(x.shape[1], states[0].shape[1], dtype=torch.float64)
    state = tuple(states) if cell is F.lstm_cell else states[0]
    return torch.func.functional_call(module, weights, (x, state))


@for_each_cell
@pytest.mark.parametrize("sizes", [(5, 3, 4), (1, 4, 2), (2, 1, 1)])
def test_value_and_gradients_equal_pytorch(torch, random, double, cell, sizes):
    arguments = random_arguments(random, cell, *sizes)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in arguments]
    theirs = pytorch_cell(torch, cell, *leaves)
    g = jax.tree.map(lambda y: random.normal(size=tuple(y.shape)), theirs)
    torch.autograd.backward(jax.tree.leaves(theirs), [torch.tensor(np.array(a)) for a in jax.tree.leaves(g)])
    cell_vjp = getattr(F, f"{cell.__name__}_vjp")
    y, pulled = run(lambda g, *arguments: (cell(*arguments), cell_vjp(g, *arguments)), g, *arguments)
    assert_close(y, jax.tree.map(lambda y: y.detach().numpy(), theirs))
    assert_close(pulled, [leaf.grad.numpy() for leaf in leaves])


def flax_cell(cell, x, *arguments):
    """Apply Flax's cell, which has a layer for each gate, with our weights."""
    if cell is F.rnn_cell:
        hidden, input_weights, hidden_weights, bias = arguments
        weights = {"i": {"kernel": input_weights, "bias": bias}, "h": {"kernel": hidden_weights}}
        return nn.SimpleCell(hidden.shape[1]).apply({"params": weights}, hidden, x)[1]
    if cell is F.gru_cell:
        hidden, *arrays, candidate_bias = arguments
        parts = [jnp.split(array, 3, axis=-1) for array in arrays]
        weights = {}
        for gate, w, u, b in zip("rzn", *parts, strict=True):
            weights |= {f"i{gate}": {"kernel": w, "bias": b}, f"h{gate}": {"kernel": u}}
        weights["hn"]["bias"] = candidate_bias
        return nn.GRUCell(hidden.shape[1]).apply({"params": weights}, hidden, x)[1]
    hidden, memory, *arrays = arguments
    parts = [jnp.split(array, 4, axis=-1) for array in arrays]
    weights = {}
    for gate, w, u, b in zip("ifgo", *parts, strict=True):
        weights |= {f"i{gate}": {"kernel": w}, f"h{gate}": {"kernel": u, "bias": b}}
    (memory, hidden), _ = nn.OptimizedLSTMCell(hidden.shape[1]).apply({"params": weights}, (memory, hidden), x)
    return hidden, memory


@for_each_cell
def test_value_and_gradients_equal_flax(random, double, cell):
    arguments = random_arguments(random, cell, 5, 3, 4)
    ours = run(cell, *arguments)
    g = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), ours)

    def theirs(g, *arguments):
        y, pull = jax.vjp(lambda *a: flax_cell(cell, *a), *arguments)
        return y, pull(g)

    with jax.numpy_dtype_promotion("standard"):  # Flax does not support strict promotion
        y, pulled = run(theirs, g, *arguments)
    assert_close(ours, y)
    assert_close(run(getattr(F, f"{cell.__name__}_vjp"), g, *arguments), pulled)


def test_rnn_cell_is_a_dense_layer_of_the_concatenated_input_and_state(random, double):
    x, hidden, input_weights, hidden_weights, bias = random_arguments(random, F.rnn_cell, 5, 3, 4)
    weights = np.concatenate([input_weights, hidden_weights])
    expected = np.tanh(run(F.dense, np.concatenate([x, hidden], axis=1), weights, bias))
    np.testing.assert_allclose(run(F.rnn_cell, x, hidden, input_weights, hidden_weights, bias), expected, rtol=1e-12)


def gate_bias(*openness):
    """Return the bias that opens (1), closes (-1) or half opens (0) each gate, for two units."""
    return np.repeat(50.0 * np.array(openness), 2)


def test_open_update_gate_keeps_the_state_and_its_gradient(random):
    x, hidden, *weights = random_arguments(random, F.gru_cell, 3, 2, 2)
    weights[2] = gate_bias(0, 1, 0)
    np.testing.assert_allclose(run(F.gru_cell, x, hidden, *weights), hidden, rtol=1e-6)
    g = random.normal(size=(3, 2))
    x_bar, hidden_bar, *_ = run(F.gru_cell_vjp, g, x, hidden, *weights)
    np.testing.assert_allclose(hidden_bar, g, rtol=1e-6)
    np.testing.assert_allclose(x_bar, np.zeros((3, 2)), atol=1e-6)


def test_gru_with_closed_reset_gate_ignores_the_state(random):
    x, hidden, *weights = random_arguments(random, F.gru_cell, 3, 2, 2)
    weights[2] = gate_bias(-1, -1, 0)
    candidate = np.tanh(run(F.dense, x, weights[0][:, 4:], weights[2][4:]))
    np.testing.assert_allclose(run(F.gru_cell, x, hidden, *weights), candidate, rtol=1e-5)


@pytest.mark.parametrize(
    ("openness", "kept"),
    [((-1, 1, 0, 1), lambda cell, candidate: cell), ((1, -1, 0, 1), lambda cell, candidate: candidate)],
)
def test_gates_of_an_lstm_are_ordered_input_forget_candidate_output(random, openness, kept):
    x, hidden, cell, *weights = random_arguments(random, F.lstm_cell, 3, 2, 2)
    weights[2] = gate_bias(*openness)
    candidate = np.tanh(x @ weights[0][:, 4:6] + hidden @ weights[1][:, 4:6])
    new_hidden, new_cell = run(F.lstm_cell, x, hidden, cell, *weights)
    np.testing.assert_allclose(new_cell, kept(cell, candidate), rtol=1e-5)
    np.testing.assert_allclose(new_hidden, np.tanh(kept(cell, candidate)), rtol=1e-5)
    weights[2] = gate_bias(*openness[:3], -1)
    assert (
        abs(run(F.lstm_cell, x, hidden, cell, *weights)[0]) < 1e-15
    ).all()  # the output gate is closed; the cell keeps its value


def test_open_forget_gate_passes_the_gradient_of_the_cell_unchanged(random):
    x, hidden, cell, *weights = random_arguments(random, F.lstm_cell, 3, 2, 2)
    weights[2] = gate_bias(-1, 1, 0, 0)
    g = random.normal(size=(3, 2))
    _, _, cell_bar, *_ = run(F.lstm_cell_vjp, (np.zeros((3, 2)), g), x, hidden, cell, *weights)
    np.testing.assert_allclose(cell_bar, g, rtol=1e-6)


@for_each_cell
def test_example_does_not_depend_on_the_rest_of_the_batch(random, double, cell):
    x, *others = random_arguments(random, cell, 4, 3, 2)
    states, weights = (others[:2], others[2:]) if cell is F.lstm_cell else (others[:1], others[1:])
    whole = jax.tree.leaves(run(cell, x, *states, *weights))
    alone = jax.tree.leaves(run(cell, x[2:3], *(state[2:3] for state in states), *weights))
    for all_rows, one_row in zip(whole, alone, strict=True):
        np.testing.assert_allclose(all_rows[2:3], one_row, rtol=1e-13)


@for_each_cell
def test_large_inputs_give_finite_values_and_gradients(cell):
    x, *others = random_arguments(np.random.default_rng(1), cell, 3, 2, 2)

    def value_and_cotangents(*arguments):
        y, pull = jax.vjp(cell, *arguments)
        return y, pull(y), getattr(F, f"{cell.__name__}_vjp")(y, *arguments)

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run(value_and_cotangents, 1e4 * x, *others)))


@for_each_cell
def test_nan_stays_in_its_example(random, cell):
    x, *others = random_arguments(random, cell, 2, 3, 2)
    x[0, 1] = np.nan
    for y in jax.tree.leaves(run(cell, x, *others)):
        assert np.isnan(y).all(axis=1).tolist() == [True, False]


@for_each_cell
def test_wrong_shapes_raise_with_the_name_of_the_argument(unchecked, random, cell):
    arguments = [jnp.asarray(a) for a in random_arguments(random, cell, 2, 3, 2)]
    place = 3 if cell is F.lstm_cell else 2
    axis = {1: "hidden", 3: r"3\*hidden", 4: r"4\*hidden"}[GATES[cell]]
    size = 2 * GATES[cell]
    for offset, name, axes in [(0, "input_weights", f"inputs, {axis}"), (2, "bias", f"{axis},")]:
        wrong = list(arguments)
        wrong[place + offset] = np.concatenate([wrong[place + offset]] * 2, axis=-1)
        with pytest.raises(ValueError, match=rf"{name} must have the shape \({axes}\) with .*{axis} = {size}, got"):
            unchecked(cell)(*wrong)
    wrong = list(arguments)
    wrong[1] = wrong[1][:1]
    with pytest.raises(ValueError, match=r"hidden must have the shape \(batch, hidden\) with batch = 2, got"):
        unchecked(cell)(*wrong)


@for_each_cell
def test_second_derivatives_are_finite(random, double, cell):
    arguments = random_arguments(random, cell, 1, 1, 2)
    loss = lambda *a: sum((leaf**2).sum() for leaf in jax.tree.leaves(cell(*a)))
    blocks = jax.jit(jax.hessian(loss, argnums=tuple(range(len(arguments)))))(*arguments)
    assert all(np.isfinite(block).all() for block in jax.tree.leaves(blocks))
    assert np.any(jax.tree.leaves(blocks)[0] != 0)


def test_gru_with_the_reset_before_the_product_is_the_one_of_the_paper(random, double):
    """Cho et al. (2014), equations 5 to 8, for one example and one unit at a time."""
    x, hidden, w, u, b, c = random_arguments(random, F.gru_cell, 3, 2, 4)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    gate = lambda part, n, state: x[n] @ w[:, part] + b[part] + state @ u[:, part]
    expected = np.empty_like(hidden)
    for n in range(3):
        r = np.array([sigmoid(gate(j, n, hidden[n])) for j in range(4)])
        z = np.array([sigmoid(gate(4 + j, n, hidden[n])) for j in range(4)])
        candidate = np.array([np.tanh(gate(8 + j, n, r * hidden[n]) + c[j]) for j in range(4)])
        expected[n] = z * hidden[n] + (1 - z) * candidate
    before = functools.partial(F.gru_cell, reset_after=False)
    np.testing.assert_allclose(run(before, x, hidden, w, u, b, c), expected, rtol=1e-12)
    assert not np.allclose(run(F.gru_cell, x, hidden, w, u, b, c), expected)


def test_both_reset_gates_agree_where_they_are_open(random):
    x, hidden, *weights = random_arguments(random, F.gru_cell, 3, 2, 2)
    weights[2] = gate_bias(1, 0, 0)
    g = random.normal(size=(3, 2))
    before, after = (
        run(lambda g, *a, s=s: (F.gru_cell(*a, **s), F.gru_cell_vjp(g, *a, **s)), g, x, hidden, *weights)
        for s in ({"reset_after": False}, {})
    )
    for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
