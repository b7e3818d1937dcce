"""Recurrent networks over time: a cell of `recurrence`, repeated, and backpropagation through time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional.recurrence import gru_cell, gru_cell_vjp, lstm_cell, lstm_cell_vjp, rnn_cell, rnn_cell_vjp


def rnn(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs hidden"],
    hidden_weights: Float[Array, "hidden hidden"],
    bias: Float[Array, "hidden"],
) -> Float[Array, "batch time hidden"]:
    r"""Every state of a plain recurrent network, $h_t = \tanh(x_t W + h_{t-1} U + b)$ for $t = 1, \dots, T$.

    `hidden` is $h_0$, and the last of the outputs is the final state. A sequence without a step has no outputs. Raises
    where shapes or dtypes are not as annotated.
    Elman, *Finding structure in time* (1990).
    """
    as_annotated(rnn, x, hidden, input_weights, hidden_weights, bias)
    _, outputs = _through_time(lambda h, x: rnn_cell(x, h, input_weights, hidden_weights, bias), hidden, x)
    return outputs


def rnn_vjp(g, x, hidden, input_weights, hidden_weights, bias):
    r"""Pull $g$ back to $(x, h_0, W, U, b)$: backpropagation through time.

    A state is reached from the loss directly, as an output, and through the state that follows, so that
    $\bar h_t = g_t + \delta_{t+1} U^\top$ with $\delta_t = \bar h_t (1 - h_t^2)$, from $t = T$, where nothing follows,
    back to $\bar h_0 = \delta_1 U^\top$. Each step is the pullback of the cell. All steps share their weights, whose
    gradients add up: $\bar W = \sum_t x_t^\top \delta_t$, $\bar U = \sum_t h_{t-1}^\top \delta_t$ and
    $\bar b = \sum_t \delta_t$ (summed over the batch), while $\bar x_t = \delta_t W^\top$.

    Over $k$ steps what arrives is multiplied by $k$ Jacobians, $\mathrm{diag}(1 - h_t^2)\,U^\top$. For small signals,
    where $h_t^2 \approx 0$, the product is the power $(U^\top)^k$, which vanishes or explodes like $\rho^k$ for the
    spectral radius $\rho$ of $U$; units that saturate make it vanish faster. Pascanu, Mikolov and Bengio,
    *On the difficulty of training recurrent neural networks* (2013), section 2.
    """
    weights = input_weights, hidden_weights, bias
    outputs = rnn(x, hidden, *weights)

    def step_back(hidden_bar, g, x, hidden):
        x_bar, hidden_bar, *weights_bar = rnn_cell_vjp(g + hidden_bar, x, hidden, *weights)
        return hidden_bar, x_bar, weights_bar

    nothing_follows = jnp.zeros_like(hidden)
    hidden_bar, x_bar, weights_bar = _back_through_time(
        step_back, nothing_follows, weights, g, x, _before(hidden, outputs)
    )
    input_weights_bar, hidden_weights_bar, bias_bar = weights_bar
    return x_bar, hidden_bar, input_weights_bar, hidden_weights_bar, bias_bar


def rnn_examples(random):
    """Long and short sequences, one step, none, a batch of one, and weights that let the gradient grow."""
    for shape in [(4, 7, 3, 5), (1, 5, 4, 2), (3, 1, 2, 3), (2, 0, 3, 4)]:
        yield _drawn(random, *shape, gates=1), {}
    x, hidden, input_weights, hidden_weights, bias = _drawn(random, 3, 9, 2, 4, gates=1)
    yield (0.1 * x, 0.1 * hidden, input_weights, 2 * hidden_weights, bias), {}


def gru(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 3*hidden"],
    hidden_weights: Float[Array, "hidden 3*hidden"],
    bias: Float[Array, "3*hidden"],
    candidate_bias: Float[Array, "hidden"],
) -> Float[Array, "batch time hidden"]:
    r"""Every state of gated recurrent units, $h_t = (1 - z_t) n_t + z_t h_{t-1}$ for $t = 1, \dots, T$.

    `gru_cell` says what $z$ and $n$ are, and in which order the weights stand. `hidden` is $h_0$, and the last of the
    outputs is the final state. A sequence without a step has no outputs. Raises where shapes or dtypes are not as
    annotated.
    Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine translation* (2014).
    """
    as_annotated(gru, x, hidden, input_weights, hidden_weights, bias, candidate_bias)
    weights = input_weights, hidden_weights, bias, candidate_bias
    _, outputs = _through_time(lambda h, x: gru_cell(x, h, *weights), hidden, x)
    return outputs


def gru_vjp(g, x, hidden, input_weights, hidden_weights, bias, candidate_bias):
    r"""Pull $g$ back to $(x, h_0, W, U, b, c)$: backpropagation through time.

    With the cell's own pullback, $\bar h_t \mapsto (\bar x_t, \bar h_{t-1}, \bar W_t, \dots)$, a state gets the
    cotangent of its own output and what comes back from the next step (with $\eta_t$ as in `gru_cell_vjp`):
    $\bar h_{t-1} = g_{t-1} + \bar h_t z_t + \eta_t U^\top$, from $t = T$, where nothing follows, back to $\bar h_0$,
    which is no output and has no $g_0$. The weights are shared by all steps: $\bar W = \sum_t \bar W_t$ and so on.

    Over $k$ steps one of the ways back is the product of $k$ gates $z_t$ alone: where they are near 1 it does not
    vanish, as the product of the matrices does.
    """
    weights = input_weights, hidden_weights, bias, candidate_bias
    outputs = gru(x, hidden, *weights)

    def step_back(hidden_bar, g, x, hidden):
        x_bar, hidden_bar, *weights_bar = gru_cell_vjp(g + hidden_bar, x, hidden, *weights)
        return hidden_bar, x_bar, weights_bar

    nothing_follows = jnp.zeros_like(hidden)
    hidden_bar, x_bar, weights_bar = _back_through_time(
        step_back, nothing_follows, weights, g, x, _before(hidden, outputs)
    )
    input_weights_bar, hidden_weights_bar, bias_bar, candidate_bias_bar = weights_bar
    return x_bar, hidden_bar, input_weights_bar, hidden_weights_bar, bias_bar, candidate_bias_bar


def gru_examples(random):
    """Long and short sequences, one step, none, and a batch of one."""
    for shape in [(4, 7, 3, 5), (1, 5, 4, 2), (3, 1, 2, 3), (2, 0, 3, 4)]:
        yield (*_drawn(random, *shape, gates=3), random.standard_normal(shape[-1])), {}


def lstm(
    x: Float[Array, "batch time inputs"],
    hidden: Float[Array, "batch hidden"],
    cell: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 4*hidden"],
    hidden_weights: Float[Array, "hidden 4*hidden"],
    bias: Float[Array, "4*hidden"],
) -> tuple[Float[Array, "batch time hidden"], Float[Array, "batch hidden"]]:
    r"""Every hidden state of long short-term memory, $h_t = o_t \tanh c_t$, and the final cell $c_T$.

    $c_t = f_t c_{t-1} + i_t k_t$ for $t = 1, \dots, T$; `lstm_cell` says what the gates are, and in which order the
    weights stand. `hidden` and `cell` are $h_0$ and $c_0$, and the last of the outputs is the final hidden state. A
    sequence without a step has no outputs and leaves the cell as it was. Raises where shapes or dtypes are not as
    annotated.
    Hochreiter and Schmidhuber, *Long short-term memory* (1997).
    """
    as_annotated(lstm, x, hidden, cell, input_weights, hidden_weights, bias)
    weights = input_weights, hidden_weights, bias
    (_, cell), (outputs, _) = _through_time(lambda state, x: lstm_cell(x, *state, *weights), (hidden, cell), x)
    return outputs, cell


def lstm_vjp(g, x, hidden, cell, input_weights, hidden_weights, bias):
    r"""Pull $g = (\bar y, \bar c)$, of the outputs $y_t = h_t$ and the last cell, back to $(x, h_0, c_0, W, U, b)$.

    Backpropagation through time: with the cell's own pullback,
    $(\bar h_t, \bar c_t) \mapsto (\bar x_t, \bar h_{t-1}, \bar c_{t-1}, \bar W_t, \dots)$, every hidden state also gets
    the cotangent of its own output (with $\delta_t$ and $e_t$ as in `lstm_cell_vjp`),
    $\bar h_{t-1} = \bar y_{t-1} + \delta_t U^\top$, while a cell inside the sequence is no output,
    $\bar c_{t-1} = f_t e_t$, where $e_t$ arrives at $c_t$. It begins with $\bar c_T = \bar c$. The weights are shared
    by all steps: $\bar W = \sum_t \bar W_t$ and so on.

    From cell to cell a gradient is multiplied by $f_t$ alone and no matrix: where the forget gates are near 1 it
    neither vanishes nor explodes on this way, which is what the cell is for.
    """
    weights = input_weights, hidden_weights, bias
    _, (outputs, cells) = _through_time(lambda state, x: lstm_cell(x, *state, *weights), (hidden, cell), x)
    g_outputs, g_cell = g

    def step_back(state_bar, g, x, hidden, cell):
        hidden_bar, cell_bar = state_bar
        x_bar, hidden_bar, cell_bar, *weights_bar = lstm_cell_vjp((g + hidden_bar, cell_bar), x, hidden, cell, *weights)
        return (hidden_bar, cell_bar), x_bar, weights_bar

    nothing_follows = jnp.zeros_like(hidden)
    (hidden_bar, cell_bar), x_bar, weights_bar = _back_through_time(
        step_back, (nothing_follows, g_cell), weights, g_outputs, x, _before(hidden, outputs), _before(cell, cells)
    )
    input_weights_bar, hidden_weights_bar, bias_bar = weights_bar
    return x_bar, hidden_bar, cell_bar, input_weights_bar, hidden_weights_bar, bias_bar


def lstm_examples(random):
    """Long and short sequences, one step, none, and a batch of one."""
    for batch, *rest in [(4, 7, 3, 5), (1, 5, 4, 2), (3, 1, 2, 3), (2, 0, 3, 4)]:
        x, hidden, *weights = _drawn(random, batch, *rest, gates=4)
        yield (x, hidden, random.standard_normal(hidden.shape), *weights), {}


def _through_time(cell: Callable, state, x):
    """The last state, and all states that follow the given one, for a `cell(state, x)` that returns the next state."""

    def step(state, x):
        state = cell(state, x)
        return state, state

    last, after = jax.lax.scan(step, state, x.swapaxes(0, 1))
    return last, jax.tree.map(lambda states: states.swapaxes(0, 1), after)


def _back_through_time(step_back: Callable, state_bar, weights, *by_time):
    """From the last step to the first, with what each step gives the weights added up.

    `step_back(state_bar, *at_a_time)` returns the cotangents of the state before the step, its input, and the weights.
    """

    def step(carry, at_a_time):
        state_bar, sums = carry
        state_bar, x_bar, weights_bar = step_back(state_bar, *at_a_time)
        return (state_bar, [total + more for total, more in zip(sums, weights_bar, strict=True)]), x_bar

    start = state_bar, [jnp.zeros_like(weight) for weight in weights]
    time_first = [array.swapaxes(0, 1) for array in by_time]
    (state_bar, sums), x_bar = jax.lax.scan(step, start, time_first, reverse=True)
    return state_bar, x_bar.swapaxes(0, 1), sums


def _before(first, after):
    """The state before each step: the first one, then those after each step but the last."""
    return jnp.concatenate([first[:, None], after], axis=1)[:, :-1]


def _drawn(random, batch, time, inputs, hidden, gates):
    """Standard normal $x$, $h_0$ and $b$, and weights that neither let a signal die nor saturate all units."""
    parts = gates * hidden
    shapes = (batch, time, inputs), (batch, hidden), (inputs, parts), (hidden, parts), (parts,)
    x, state, input_weights, hidden_weights, bias = (random.standard_normal(shape) for shape in shapes)
    return x, state, input_weights / inputs**0.5, hidden_weights / hidden**0.5, bias
