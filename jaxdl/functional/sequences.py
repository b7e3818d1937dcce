"""Recurrent networks: the cells of `recurrence` applied over time, and backpropagation through time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional.recurrence import gru_cell, gru_cell_vjp, lstm_cell, lstm_cell_vjp, rnn_cell, rnn_cell_vjp


def rnn(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs hidden"],
    hidden_weights: Float[Array, "hidden hidden"],
    bias: Float[Array, "hidden"],
) -> Float[Array, "batch time hidden"]:
    r"""States of a plain recurrent network over time, $h_t = \tanh(x_t W + h_{t-1} U + b)$ for $t = 1, \dots, T$.

    Args:
        x: Input sequences of shape (batch, time, inputs); `time` may be 0.
        hidden: Initial state $h_0$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, hidden).
        hidden_weights: Weights $U$ of shape (hidden, hidden).
        bias: Bias $b$ of shape (hidden,).

    Returns:
        States $h_1, \dots, h_T$ of shape (batch, time, hidden). The last one is the final state.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Elman, *Finding structure in time* (1990).

    Example:
        An impulse decays with the recurrent weight 0.5:

        >>> x = jnp.array([[[0.01], [0.0], [0.0]]])
        >>> states = F.rnn(x, jnp.zeros((1, 1)), jnp.ones((1, 1)), jnp.full((1, 1), 0.5), jnp.zeros(1))
        >>> print(np.asarray(states[0, :, 0]).round(4))
        [0.01   0.005  0.0025]
    """
    check_annotations(rnn, x, hidden, input_weights, hidden_weights, bias)
    _, outputs = _scan_over_time(lambda h, x: rnn_cell(x, h, input_weights, hidden_weights, bias), hidden, x)
    return outputs


def rnn_vjp(g, x, hidden, input_weights, hidden_weights, bias):
    r"""Pull $g$ back to $(x, h_0, W, U, b)$: backpropagation through time.

    Let $a_t = x_t W + h_{t-1} U + b$ be the pre-activation of step $t$, so that $h_t = \tanh a_t$. A state $h_t$ acts
    on the loss in two ways: directly, as the output of step $t$ with the cotangent $g_t$, and through $a_{t+1}$, in
    which it is multiplied by $U$. The chain rule adds both:

    $$
    \bar h_t = g_t + \delta_{t+1} U^\top
    \qquad \text{with} \qquad
    \delta_t = \bar h_t\,(1 - h_t^2) ,
    $$

    where $\delta_t$ is the cotangent of $a_t$, because the derivative of the hyperbolic tangent is $1 - h_t^2$. The
    recursion starts at $t = T$, where there is no next state, so $\bar h_T = g_T$. It runs backward and ends at
    $\bar h_0 = \delta_1 U^\top$, without a $g_0$, because $h_0$ is not an output. Each step is the VJP of the cell.

    An input acts on its own step only. All steps share their weights, whose gradients add up over the steps (and over
    the batch, by the matrix products):

    $$
    \bar x_t = \delta_t W^\top, \qquad
    \bar W = \sum_t x_t^\top \delta_t, \qquad
    \bar U = \sum_t h_{t-1}^\top \delta_t, \qquad
    \bar b = \sum_t \sum_n \delta_{tn} .
    $$

    Both equations of the recursion together show how far a gradient reaches. The cotangent of a state is multiplied by
    one Jacobian per step on its way back. Over $k$ steps

    $$
    \bar h_{t-k} = \bar h_t\, J_t J_{t-1} \cdots J_{t-k+1} + \dots
    \qquad \text{with} \qquad
    J_t = \mathrm{diag}(1 - h_t^2)\,U^\top ,
    $$

    where the dots are the terms of the outputs $t - k$ to $t - 1$. For small signals, where $h_t^2 \approx 0$, the
    product is the power $(U^\top)^k$, which vanishes or explodes like $\rho^k$ for the spectral radius $\rho$ of $U$;
    saturated units make it vanish faster. Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural
    networks* (2013), section 2.
    """
    weights = input_weights, hidden_weights, bias
    outputs = rnn(x, hidden, *weights)

    def step_back(hidden_bar, g, x, hidden):
        x_bar, hidden_bar, *weights_bar = rnn_cell_vjp(g + hidden_bar, x, hidden, *weights)
        return hidden_bar, x_bar, weights_bar

    no_next_state = jnp.zeros_like(hidden)
    hidden_bar, x_bar, weights_bar = _back_through_time(
        step_back, no_next_state, weights, g, x, _previous_states(hidden, outputs)
    )
    input_weights_bar, hidden_weights_bar, bias_bar = weights_bar
    return x_bar, hidden_bar, input_weights_bar, hidden_weights_bar, bias_bar


def rnn_examples(random):
    """Sequences of several steps, of one and of none; a batch size 1; and weights that let the gradient grow."""
    for shape in [(4, 7, 3, 5), (1, 1, 2, 3), (2, 0, 3, 4)]:
        yield _random_arguments(random, *shape, gates=1), {}
    x, hidden, input_weights, hidden_weights, bias = _random_arguments(random, 3, 9, 2, 4, gates=1)
    yield (0.1 * x, 0.1 * hidden, input_weights, 2 * hidden_weights, bias), {}


def gru(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 3*hidden"],
    hidden_weights: Float[Array, "hidden 3*hidden"],
    bias: Float[Array, "3*hidden"],
    candidate_bias: Float[Array, "hidden"],
    *,
    reset_after: bool = True,
) -> Float[Array, "batch time hidden"]:
    r"""States of a gated recurrent unit over time, $h_t = (1 - z_t) n_t + z_t h_{t-1}$ for $t = 1, \dots, T$.

    `gru_cell` defines $z$ and $n$ and the order of the weights.

    Args:
        x: Input sequences of shape (batch, time, inputs); `time` may be 0.
        hidden: Initial state $h_0$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, 3 * hidden).
        hidden_weights: Weights $U$ of shape (hidden, 3 * hidden).
        bias: Bias $b$ of shape (3 * hidden,).
        candidate_bias: Bias $c$ of the candidate's recurrent part, of shape (hidden,).
        reset_after: Whether the reset gate acts after the product with the matrix or before it, as in `gru_cell`.

    Returns:
        States $h_1, \dots, h_T$ of shape (batch, time, hidden). The last one is the final state.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine translation*
        (2014).

    Example:
        A large bias of the update gate $z$ keeps the initial state for any inputs:

        >>> x, weights, bias = jnp.ones((1, 3, 1)), jnp.ones((1, 3)), jnp.array([0.0, 50.0, 0.0])
        >>> F.gru(x, jnp.full((1, 1), 7.0), weights, weights, bias, jnp.zeros(1))[0, :, 0].tolist()
        [7.0, 7.0, 7.0]
    """
    check_annotations(gru, x, hidden, input_weights, hidden_weights, bias, candidate_bias)
    weights = input_weights, hidden_weights, bias, candidate_bias
    _, outputs = _scan_over_time(lambda h, x: gru_cell(x, h, *weights, reset_after=reset_after), hidden, x)
    return outputs


def gru_vjp(g, x, hidden, input_weights, hidden_weights, bias, candidate_bias, *, reset_after=True):
    r"""Pull $g$ back to $(x, h_0, W, U, b, c)$: backpropagation through time.

    The VJP of the cell maps $\bar h_t$ to $(\bar x_t, \bar h_{t-1}, \bar W_t, \dots)$. A state acts on the loss as an
    output and through the next step, so its cotangent is the sum of both. With $\eta_t$, the cotangent of $h_{t-1} U$
    from `gru_cell_vjp`,

    $$
    \bar h_{t-1} = g_{t-1} + \bar h_t\, z_t + \eta_t U^\top
    $$

    (`gru_cell_vjp` also has the sum for `reset_after=False`). The recursion starts at $t = T$ with $\bar h_T = g_T$,
    because there is no next step. It ends at $\bar h_0$, which has no $g_0$ because $h_0$ is not among the outputs. All
    steps share the weights, so their gradients add up: $\bar W = \sum_t \bar W_t$ and so on.

    Over $k$ steps one term of the gradient is multiplied only by the $k$ gates $z_t$. While they are near 1, it does
    not vanish, unlike the product of the matrices.
    """
    weights = input_weights, hidden_weights, bias, candidate_bias
    outputs = gru(x, hidden, *weights, reset_after=reset_after)

    def step_back(hidden_bar, g, x, hidden):
        x_bar, hidden_bar, *weights_bar = gru_cell_vjp(g + hidden_bar, x, hidden, *weights, reset_after=reset_after)
        return hidden_bar, x_bar, weights_bar

    no_next_state = jnp.zeros_like(hidden)
    hidden_bar, x_bar, weights_bar = _back_through_time(
        step_back, no_next_state, weights, g, x, _previous_states(hidden, outputs)
    )
    input_weights_bar, hidden_weights_bar, bias_bar, candidate_bias_bar = weights_bar
    return x_bar, hidden_bar, input_weights_bar, hidden_weights_bar, bias_bar, candidate_bias_bar


def gru_examples(random):
    """Sequences of several steps, of one and of none; a batch size 1; both reset gates."""
    for shape in [(4, 7, 3, 5), (1, 1, 2, 3), (2, 0, 3, 4)]:
        arguments = *_random_arguments(random, *shape, gates=3), random.standard_normal(shape[-1])
        yield arguments, {}
    yield arguments, {"reset_after": False}
    yield (*_random_arguments(random, 3, 4, 2, 3, gates=3), random.standard_normal(3)), {"reset_after": False}


def lstm(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    cell: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 4*hidden"],
    hidden_weights: Float[Array, "hidden 4*hidden"],
    bias: Float[Array, "4*hidden"],
) -> tuple[Float[Array, "batch time hidden"], Float[Array, "batch hidden"]]:
    r"""Hidden states of long short-term memory over time, $h_t = o_t \tanh c_t$, and the final cell state $c_T$.

    $c_t = f_t c_{t-1} + i_t k_t$ for $t = 1, \dots, T$; `lstm_cell` defines the gates and the order of the weights.

    Args:
        x: Input sequences of shape (batch, time, inputs). If `time` is 0, the cell state is returned unchanged.
        hidden: Initial hidden state $h_0$ of shape (batch, hidden).
        cell: Initial cell state $c_0$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, 4 * hidden).
        hidden_weights: Weights $U$ of shape (hidden, 4 * hidden).
        bias: Bias $b$ of shape (4 * hidden,).

    Returns:
        Tuple of the hidden states $h_1, \dots, h_T$, of shape (batch, time, hidden), and the final cell state $c_T$, of
        shape (batch, hidden). The last hidden state is the final one.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Hochreiter and Schmidhuber, *Long short-term memory* (1997).

    Example:
        With the input gate closed and the forget gate open, the cell keeps its value over 100 steps:

        >>> x, zeros, weights = jnp.ones((1, 100, 1)), jnp.zeros((1, 1)), jnp.zeros((1, 4))
        >>> outputs, cell = F.lstm(x, zeros, zeros + 7, weights, weights, jnp.array([-50.0, 50.0, 0.0, 0.0]))
        >>> outputs.shape, round(float(cell[0, 0]), 3)
        ((1, 100, 1), 7.0)
    """
    check_annotations(lstm, x, hidden, cell, input_weights, hidden_weights, bias)
    weights = input_weights, hidden_weights, bias
    (_, cell), (outputs, _) = _scan_over_time(lambda state, x: lstm_cell(x, *state, *weights), (hidden, cell), x)
    return outputs, cell


def lstm_vjp(g, x, hidden, cell, input_weights, hidden_weights, bias):
    r"""Pull $g = (\bar y, \bar c)$, of the outputs $y_t = h_t$ and the final cell, back to $(x, h_0, c_0, W, U, b)$.

    This is backpropagation through time. The VJP of the cell maps $(\bar h_t, \bar c_t)$ to
    $(\bar x_t, \bar h_{t-1}, \bar c_{t-1}, \bar W_t, \dots)$. From `lstm_cell_vjp` we need $\delta_t$, the cotangent of
    the pre-activations, and $e_t$, the whole cotangent of $c_t$:

    $$
    e_t = \bar c_t + \bar h_t\, o_t \left(1 - \tanh^2 c_t\right) .
    $$

    A hidden state acts on the loss as an output and through the next step, so it gets both cotangents. The cell states
    before the final one are not outputs, so they get only that of the next step:

    $$
    \bar h_{t-1} = \bar y_{t-1} + \delta_t U^\top ,
    \qquad
    \bar c_{t-1} = f_t\, e_t .
    $$

    The recursion starts with $\bar h_T = \bar y_T$ and $\bar c_T = \bar c$. It ends at $\bar h_0 = \delta_1 U^\top$ and
    $\bar c_0 = f_1 e_1$. All steps share the weights, so their gradients add up: $\bar W = \sum_t \bar W_t$ and so on.

    From cell to cell a gradient is multiplied by $f_t$ alone and by no matrix. While the forget gates are near 1, it
    neither vanishes nor explodes; this is the purpose of the cell.
    """
    weights = input_weights, hidden_weights, bias
    _, (outputs, cells) = _scan_over_time(lambda state, x: lstm_cell(x, *state, *weights), (hidden, cell), x)
    g_outputs, g_cell = g

    def step_back(state_bar, g, x, hidden, cell):
        hidden_bar, cell_bar = state_bar
        x_bar, hidden_bar, cell_bar, *weights_bar = lstm_cell_vjp((g + hidden_bar, cell_bar), x, hidden, cell, *weights)
        return (hidden_bar, cell_bar), x_bar, weights_bar

    no_next_state = jnp.zeros_like(hidden)
    previous = _previous_states(hidden, outputs), _previous_states(cell, cells)
    (hidden_bar, cell_bar), x_bar, weights_bar = _back_through_time(
        step_back, (no_next_state, g_cell), weights, g_outputs, x, *previous
    )
    input_weights_bar, hidden_weights_bar, bias_bar = weights_bar
    return x_bar, hidden_bar, cell_bar, input_weights_bar, hidden_weights_bar, bias_bar


def lstm_examples(random):
    """Sequences of several steps, of one and of none; and a batch size 1."""
    for batch, *rest in [(4, 7, 3, 5), (1, 1, 2, 3), (2, 0, 3, 4)]:
        x, hidden, *weights = _random_arguments(random, batch, *rest, gates=4)
        yield (x, hidden, random.standard_normal(hidden.shape), *weights), {}


def _scan_over_time(cell: Callable, state, x):
    """Return the final state and all states after the initial one, for a `cell(state, x)` that returns the next."""

    def step(state, x):
        state = cell(state, x)
        return state, state

    last, after = jax.lax.scan(step, state, x.swapaxes(0, 1))
    return last, jax.tree.map(lambda states: states.swapaxes(0, 1), after)


def _back_through_time(step_back: Callable, state_bar, weights, *by_time):
    """Go from the last step to the first. Return the cotangents of the initial state, the inputs and the weights.

    `step_back(state_bar, *at_a_time)` returns the cotangents of the state before the step, its input, and the weights.
    Those of the weights are summed over time.
    """

    def step(carry, at_a_time):
        state_bar, sums = carry
        state_bar, x_bar, weights_bar = step_back(state_bar, *at_a_time)
        return (state_bar, [total + more for total, more in zip(sums, weights_bar, strict=True)]), x_bar

    start = state_bar, [jnp.zeros_like(weight) for weight in weights]
    time_first = [array.swapaxes(0, 1) for array in by_time]
    (state_bar, sums), x_bar = jax.lax.scan(step, start, time_first, reverse=True)
    return state_bar, x_bar.swapaxes(0, 1), sums


def _previous_states(first, after):
    """Return the state before each step: the initial one, then those after each step but the last."""
    return jnp.concatenate([first[:, None], after], axis=1)[:, :-1]


def _random_arguments(random, batch, time, inputs, hidden, gates):
    """Draw standard normal $x$, $h_0$ and $b$, and weights scaled so that units neither vanish nor saturate."""
    parts = gates * hidden
    shapes = (batch, time, inputs), (batch, hidden), (inputs, parts), (hidden, parts), (parts,)
    x, state, input_weights, hidden_weights, bias = (random.standard_normal(shape) for shape in shapes)
    return x, state, input_weights / inputs**0.5, hidden_weights / hidden**0.5, bias
