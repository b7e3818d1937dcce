"""Recurrent cells: one time step from a state and an input to the next state. `sequences` applies them over time."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional.sigmoids import sigmoid, tanh


def rnn_cell(
    x: Float[Array, "batch inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs hidden"],
    hidden_weights: Float[Array, "hidden hidden"],
    bias: Float[Array, "hidden"],
) -> Float[Array, "batch hidden"]:
    r"""One step of a plain recurrent network, $h' = \tanh(x W + h U + b)$.

    PyTorch has transposed weights and two biases, with $b_{ih} + b_{hh} = b$.

    Args:
        x: Inputs of this step, of shape (batch, inputs).
        hidden: State $h$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, hidden).
        hidden_weights: Weights $U$ of shape (hidden, hidden).
        bias: Bias $b$ of shape (hidden,).

    Returns:
        Next state $h'$ of shape (batch, hidden), between -1 and 1.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Elman, *Finding structure in time* (1990).

    Example:
        With $U = 1$ the state accumulates the inputs, up to saturation:

        >>> step = lambda h, x: F.rnn_cell(x, h, jnp.ones((1, 1)), jnp.ones((1, 1)), jnp.zeros(1))
        >>> h = step(step(jnp.zeros((1, 1)), jnp.full((1, 1), 0.1)), jnp.full((1, 1), 0.1))
        >>> round(float(h[0, 0]), 3)
        0.197
    """
    check_annotations(rnn_cell, x, hidden, input_weights, hidden_weights, bias)
    return tanh(x @ input_weights + hidden @ hidden_weights + bias)


def rnn_cell_vjp(g, x, hidden, input_weights, hidden_weights, bias):
    r"""Pull $g$ back to $(x, h, W, U, b)$.

    Let $a = x W + h U + b$ be the pre-activation, so that $h' = \tanh a$. The derivative of the hyperbolic tangent is
    $1 - \tanh^2$, so the cotangent of $a$ is

    $$
    \delta = g\,(1 - h'^2) .
    $$

    The rest is a dense layer with the two inputs $x$ and $h$ (`dense_vjp` has the steps):

    $$
    \bar x = \delta W^\top, \qquad
    \bar h = \delta U^\top, \qquad
    \bar W = x^\top \delta, \qquad
    \bar U = h^\top \delta, \qquad
    \bar b = \sum_n \delta_n .
    $$
    """
    new_hidden = rnn_cell(x, hidden, input_weights, hidden_weights, bias)
    delta = g * (1 + new_hidden) * (1 - new_hidden)

    return delta @ input_weights.T, delta @ hidden_weights.T, x.T @ delta, hidden.T @ delta, delta.sum(axis=0)


def rnn_cell_examples(random):
    """States smaller and larger than the input, a batch size 1, and units that saturate."""
    for batch, inputs, hidden, size in [(9, 3, 5, 1), (1, 4, 2, 1), (9, 3, 5, 1.5)]:
        yield [size * a for a in _random_arguments(random, batch, inputs, hidden, gates=1)], {}


def gru_cell(
    x: Float[Array, "batch inputs"],
    hidden: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 3*hidden"],
    hidden_weights: Float[Array, "hidden 3*hidden"],
    bias: Float[Array, "3*hidden"],
    candidate_bias: Float[Array, "hidden"],
    *,
    reset_after: bool = True,
) -> Float[Array, "batch hidden"]:
    r"""One step of a gated recurrent unit, $h' = (1 - z) n + z h$: the gate $z$ keeps the state or replaces it by $n$.

    $$
    \begin{aligned}
    r &= \sigma(x W_r + h U_r + b_r) \\
    z &= \sigma(x W_z + h U_z + b_z) \\
    n &= \tanh(x W_n + b_n + r\,(h U_n + c)) \\
    h' &= (1 - z)\,n + z\,h
    \end{aligned}
    $$

    The weights $W = (W_r, W_z, W_n)$, $U$ and $b$ are concatenated along the last axis in this order, as in PyTorch. As
    in PyTorch, cuDNN and Flax, $r$ multiplies $h U_n + c$, the product with the matrix. In Cho et al. it multiplies
    $h$, before the product: with `reset_after=False`, $n = \tanh(x W_n + b_n + (r h) U_n + c)$, where $b_n$ and $c$ add
    up to one bias. PyTorch has two biases: those of $r$ and $z$ add up to $b_r$ and $b_z$; of $n$, its $b_{in}$ is
    $b_n$ and its $b_{hn}$ is $c$.

    Args:
        x: Inputs of this step, of shape (batch, inputs).
        hidden: State $h$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, 3 * hidden).
        hidden_weights: Weights $U$ of shape (hidden, 3 * hidden).
        bias: Bias $b$ of shape (3 * hidden,).
        candidate_bias: Bias $c$ of the candidate's recurrent part, of shape (hidden,).
        reset_after: Whether the gate $r$ acts after the product with $U_n$ or, as in the paper, before it. The name is
            that of Keras.

    Returns:
        Next state $h'$ of shape (batch, hidden).

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine translation*
        (2014).

    Example:
        A large bias of the update gate $z$ keeps the state:

        >>> weights, bias = jnp.ones((1, 3)), jnp.array([0.0, 50.0, 0.0])
        >>> F.gru_cell(jnp.ones((1, 1)), jnp.full((1, 1), 7.0), weights, weights, bias, jnp.zeros(1)).tolist()
        [[7.0]]
    """
    check_annotations(gru_cell, x, hidden, input_weights, hidden_weights, bias, candidate_bias)
    gates = _gru_gates if reset_after else _gru_gates_reset_before
    _, z, n, _ = gates(x, hidden, input_weights, hidden_weights, bias, candidate_bias)
    return (1 - z) * n + z * hidden


def gru_cell_vjp(g, x, hidden, input_weights, hidden_weights, bias, candidate_bias, *, reset_after=True):
    r"""Pull $g$ back to $(x, h, W, U, b, c)$.

    First the output $h' = (1 - z)\,n + z\,h$. The product rule gives the cotangents of the candidate and of the gate;
    the part $g\,z$ goes to $h$ directly:

    $$
    \bar n = g\,(1 - z), \qquad \bar z = g\,(h - n) .
    $$

    Next the candidate $n = \tanh(x W_n + b_n + r\,u)$ with $u = h U_n + c$. The derivative of the hyperbolic tangent is
    $1 - n^2$, so the cotangent of the sum in its argument is

    $$
    \delta_n = \bar n\,(1 - n^2) .
    $$

    In the product $r\,u$ each factor has the other one as its derivative:

    $$
    \bar r = \delta_n\,u, \qquad \bar u = r\,\delta_n .
    $$

    The gates are logistic functions, with the derivative $\sigma' = \sigma\,(1 - \sigma)$. The cotangents of their
    arguments are

    $$
    \delta_r = \bar r\,r\,(1 - r), \qquad \delta_z = \bar z\,z\,(1 - z) .
    $$

    Now collect the three parts. The cotangent of $x W + b$ is $\delta$. That of $h U$ is $\eta$, whose last part is
    $\bar u$ because $r$ multiplies $u$:

    $$
    \delta = (\delta_r, \delta_z, \delta_n), \qquad \eta = (\delta_r, \delta_z, r\,\delta_n) .
    $$

    The rest are dense layers, and $h$ gets the sum of its two parts:

    $$
    \begin{aligned}
    \bar x &= \delta W^\top & \bar W &= x^\top \delta & \bar b &= \sum_i \delta_i \\
    \bar h &= g\,z + \eta\,U^\top & \bar U &= h^\top \eta & \bar c &= \sum_i (r\,\delta_n)_i
    \end{aligned}
    $$

    The sums are over the examples $i$ of the batch.

    With `reset_after=False` the argument of the candidate is $x W_n + b_n + (r h)\,U_n + c$, and $\delta_n$ is the
    cotangent of $(r h)\,U_n$ and of $c$. The cotangent of $r h$ is

    $$
    q = \delta_n U_n^\top, \qquad \text{hence} \qquad \bar r = q\,h ,
    $$

    and $h$ gets $q\,r$ in addition. With $\delta_{rz} = (\delta_r, \delta_z)$ and the weights $U_{rz} = (U_r, U_z)$ of
    the gates

    $$
    \begin{aligned}
    \bar h &= g\,z + \delta_{rz} U_{rz}^\top + q\,r \\
    \bar U &= \left(h^\top \delta_{rz},\; (r h)^\top \delta_n\right) \\
    \bar c &= \sum_i (\delta_n)_i
    \end{aligned}
    $$
    """
    gates = _gru_gates if reset_after else _gru_gates_reset_before
    r, z, n, u = gates(x, hidden, input_weights, hidden_weights, bias, candidate_bias)
    delta_n = g * (1 - z) * (1 + n) * (1 - n)
    delta_z = g * (hidden - n) * z * (1 - z)
    if reset_after:
        delta_r, c_bar = delta_n * u * r * (1 - r), r * delta_n
        eta = jnp.concatenate([delta_r, delta_z, c_bar], axis=-1)
        hidden_bar, hidden_weights_bar = g * z + eta @ hidden_weights.T, hidden.T @ eta
    else:
        gate_weights, candidate_weights = jnp.split(hidden_weights, [2 * hidden.shape[-1]], axis=-1)
        q, c_bar = delta_n @ candidate_weights.T, delta_n
        delta_r = q * hidden * r * (1 - r)
        eta = jnp.concatenate([delta_r, delta_z], axis=-1)
        hidden_bar = g * z + eta @ gate_weights.T + q * r
        hidden_weights_bar = jnp.concatenate([hidden.T @ eta, (r * hidden).T @ delta_n], axis=-1)
    delta = jnp.concatenate([delta_r, delta_z, delta_n], axis=-1)
    x_bar, input_weights_bar = delta @ input_weights.T, x.T @ delta
    return x_bar, hidden_bar, input_weights_bar, hidden_weights_bar, delta.sum(axis=0), c_bar.sum(axis=0)


def gru_cell_examples(random):
    """States smaller and larger than the input, a batch size 1, and gates that are nearly closed; both reset gates."""
    for batch, inputs, hidden, size in [(9, 3, 5, 1), (1, 4, 2, 1), (9, 3, 5, 1.5)]:
        arguments = *_random_arguments(random, batch, inputs, hidden, gates=3), random.standard_normal(hidden)
        yield [size * a for a in arguments], {}
    yield [size * a for a in arguments], {"reset_after": False}


def _gru_gates(x, hidden, input_weights, hidden_weights, bias, candidate_bias):
    """Return $r$, $z$, $n$ and $u = h U_n + c$."""
    x_r, x_z, x_n = jnp.split(x @ input_weights + bias, 3, axis=-1)
    h_r, h_z, h_n = jnp.split(hidden @ hidden_weights, 3, axis=-1)
    r, z, u = sigmoid(x_r + h_r), sigmoid(x_z + h_z), h_n + candidate_bias
    return r, z, tanh(x_n + r * u), u


def _gru_gates_reset_before(x, hidden, input_weights, hidden_weights, bias, candidate_bias):
    """Return $r$, $z$, $n$ and $u = (r h) U_n + c$."""
    x_r, x_z, x_n = jnp.split(x @ input_weights + bias, 3, axis=-1)
    gate_weights, candidate_weights = jnp.split(hidden_weights, [2 * hidden.shape[-1]], axis=-1)
    h_r, h_z = jnp.split(hidden @ gate_weights, 2, axis=-1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    u = (r * hidden) @ candidate_weights + candidate_bias
    return r, z, tanh(x_n + u), u


def lstm_cell(
    x: Float[Array, "batch inputs"],
    hidden: Float[Array, "batch hidden"],
    cell: Float[Array, "batch hidden"],
    input_weights: Float[Array, "inputs 4*hidden"],
    hidden_weights: Float[Array, "hidden 4*hidden"],
    bias: Float[Array, "4*hidden"],
) -> tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"]]:
    r"""One step of long short-term memory, $c' = f c + i k$ and $h' = o \tanh c'$.

    $$
    \begin{aligned}
    i &= \sigma(x W_i + h U_i + b_i) \\
    f &= \sigma(x W_f + h U_f + b_f) \\
    k &= \tanh(x W_k + h U_k + b_k) \\
    o &= \sigma(x W_o + h U_o + b_o)
    \end{aligned}
    $$

    are the input gate $i$ (write), the forget gate $f$ (keep), the candidate $k$ and the output gate $o$ (show). The
    weights $W = (W_i, W_f, W_k, W_o)$, $U$ and $b$ are concatenated along the last axis in this order, as in PyTorch
    and Flax (which call $k$ g) and Keras (c). PyTorch has two biases, which add up to $b$. The forget gate's part of
    $b$ is often initialized to 1, so that the cell is kept at first.

    Args:
        x: Inputs of this step, of shape (batch, inputs).
        hidden: Hidden state $h$ of shape (batch, hidden).
        cell: Cell state $c$ of shape (batch, hidden).
        input_weights: Weights $W$ of shape (inputs, 4 * hidden).
        hidden_weights: Weights $U$ of shape (hidden, 4 * hidden).
        bias: Bias $b$ of shape (4 * hidden,).

    Returns:
        Tuple $(h', c')$ of the next hidden state and the next cell state, each of shape (batch, hidden).

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes do not fit together.

    References:
        Hochreiter and Schmidhuber, *Long short-term memory* (1997).
        Gers, Schmidhuber and Cummins, *Learning to forget* (2000), for the forget gate.

    Example:
        With the input gate closed and the forget gate open, the cell keeps its value:

        >>> weights, bias = jnp.zeros((1, 4)), jnp.array([-50.0, 50.0, 0.0, 0.0])
        >>> _, cell = F.lstm_cell(jnp.ones((1, 1)), jnp.zeros((1, 1)), jnp.full((1, 1), 7.0), weights, weights, bias)
        >>> cell.tolist()
        [[7.0]]
    """
    check_annotations(lstm_cell, x, hidden, cell, input_weights, hidden_weights, bias)
    i, f, k, o = _lstm_gates(x, hidden, input_weights, hidden_weights, bias)
    new_cell = f * cell + i * k
    return o * tanh(new_cell), new_cell


def lstm_cell_vjp(g, x, hidden, cell, input_weights, hidden_weights, bias):
    r"""Pull $g = (\bar h', \bar c')$ back to $(x, h, c, W, U, b)$.

    First the output $h' = o\,t$ with $t = \tanh c'$. The derivative of the hyperbolic tangent is $1 - t^2$. The new
    cell is an output too, so its cotangent $e$ has two parts, one from outside and one through $h'$:

    $$
    \bar o = \bar h'\,t, \qquad e = \bar c' + \bar h'\,o\,(1 - t^2) .
    $$

    Next the new cell $c' = f\,c + i\,k$. In each product a factor has the other one as its derivative:

    $$
    \bar f = e\,c, \qquad \bar c = e\,f, \qquad \bar i = e\,k, \qquad \bar k = e\,i .
    $$

    While $f$ is near 1, the gradient of the cell is passed back unchanged.

    The gates are logistic functions, with the derivative $\sigma' = \sigma\,(1 - \sigma)$, and the candidate is a
    hyperbolic tangent. The cotangents of their arguments are

    $$
    \begin{aligned}
    \delta_i &= \bar i\,i\,(1 - i), & \delta_f &= \bar f\,f\,(1 - f), \\
    \delta_k &= \bar k\,(1 - k^2), & \delta_o &= \bar o\,o\,(1 - o) .
    \end{aligned}
    $$

    Together they are the cotangent $\delta = (\delta_i, \delta_f, \delta_k, \delta_o)$ of $x W + h U + b$. The rest is
    a dense layer with the two inputs $x$ and $h$:

    $$
    \bar x = \delta W^\top, \qquad
    \bar h = \delta U^\top, \qquad
    \bar W = x^\top \delta, \qquad
    \bar U = h^\top \delta, \qquad
    \bar b = \sum_n \delta_n .
    $$
    """
    g_hidden, g_cell = g
    i, f, k, o = _lstm_gates(x, hidden, input_weights, hidden_weights, bias)
    t = tanh(f * cell + i * k)
    e = g_cell + g_hidden * o * (1 + t) * (1 - t)
    delta_i = e * k * i * (1 - i)
    delta_f = e * cell * f * (1 - f)
    delta_k = e * i * (1 + k) * (1 - k)
    delta_o = g_hidden * t * o * (1 - o)
    delta = jnp.concatenate([delta_i, delta_f, delta_k, delta_o], axis=-1)
    x_bar, hidden_bar = delta @ input_weights.T, delta @ hidden_weights.T
    return x_bar, hidden_bar, e * f, x.T @ delta, hidden.T @ delta, delta.sum(axis=0)


def lstm_cell_examples(random):
    """States smaller and larger than the input, a batch size 1, and gates that are nearly closed."""
    for batch, inputs, hidden, size in [(9, 3, 5, 1), (1, 4, 2, 1), (9, 3, 5, 1.5)]:
        x, state, *weights = _random_arguments(random, batch, inputs, hidden, gates=4)
        yield [size * a for a in (x, state, random.standard_normal((batch, hidden)), *weights)], {}


def _lstm_gates(x, hidden, input_weights, hidden_weights, bias):
    """Return $i$, $f$, $k$ and $o$."""
    i, f, k, o = jnp.split(x @ input_weights + hidden @ hidden_weights + bias, 4, axis=-1)
    return sigmoid(i), sigmoid(f), tanh(k), sigmoid(o)


def _random_arguments(random, batch, inputs, hidden, gates):
    """Draw standard normal $x$, $h$, $W$, $U$ and $b$; the candidate counts as a gate."""
    parts = gates * hidden
    shapes = (batch, inputs), (batch, hidden), (inputs, parts), (hidden, parts), (parts,)
    return [random.standard_normal(shape) for shape in shapes]
