r"""Distributions whose variance follows from the shape, so that signals neither vanish nor explode with depth.

An output sums up $n_{in}$ products, so that independent weights of mean 0 multiply the second moment of the signal by
$n_{in} \mathrm{Var}[w]$; on the way back an input collects $n_{out}$ products, and they multiply that of the gradient
by $n_{out} \mathrm{Var}[w]$. `fan` is a function of the shape that says which of them is $n$: `fan_in` keeps the
signal, `fan_out` the gradient. The normal ones are not truncated, as in the papers and in PyTorch; those of Keras and
jax (and so of Flax) are, with the same variance, as in `truncated_normal`.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.initializers.distributions import normal, wide
from jaxdl.initializers.fans import fan_average, fan_in

Fan = Callable[[Sequence[int]], float]


def lecun_normal(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Normal of mean 0 and variance $1 / n$.

    With $n = n_{in}$ a linear layer keeps the second moment: $n_{in} \mathrm{Var}[w] = 1$. So it is right for
    activations that are the identity near 0, such as tanh, and for selu. Flax's default, truncated.
    LeCun, Bottou, Orr and Müller, *Efficient BackProp* (1998), section 4.6.
    """
    return _normal(key, shape, dtype, 1.0, fan)


def lecun_uniform(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Uniform in $\pm\sqrt{3 / n}$, which has the variance $1 / n$ of `lecun_normal`: that of $\pm a$ is $a^2 / 3$."""
    return _uniform(key, shape, dtype, 1.0, fan)


def glorot_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Normal of mean 0 and variance $2 / (n_{in} + n_{out})$.

    Forward, a linear layer keeps the variance with $1 / n_{in}$; backward, the gradient keeps its own with
    $1 / n_{out}$; this is the compromise. PyTorch calls it Xavier. Glorot and Bengio, *Understanding the difficulty of
    training deep feedforward neural networks* (2010).
    """
    return _normal(key, shape, dtype, 1.0, fan_average)


def glorot_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Uniform in $\pm\sqrt{6 / (n_{in} + n_{out})}$, which has the variance of `glorot_normal`. Keras's default."""
    return _uniform(key, shape, dtype, 1.0, fan_average)


def he_normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    negative_slope: Float[ArrayLike, ""] = 0.0,
    fan: Fan = fan_in,
) -> Float[Array, "..."]:
    r"""Normal of mean 0 and variance $2 / ((1 + a^2)\, n)$ for a leaky ReLU with the negative slope $a$.

    A ReLU halves the second moment, $E[y^2] = \tfrac12 E[z^2]$, and a sum of $n_{in}$ terms multiplies it by
    $n_{in} \mathrm{Var}[w]$: with $2 / n_{in}$ it stays what it is from layer to layer. A leaky ReLU keeps $a^2$ of
    the other half, $E[y^2] = \tfrac12 (1 + a^2) E[z^2]$. PyTorch calls it Kaiming.
    He et al., *Delving deep into rectifiers* (2015).
    """
    return _normal(key, shape, dtype, _gain(negative_slope), fan)


def he_uniform(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    negative_slope: Float[ArrayLike, ""] = 0.0,
    fan: Fan = fan_in,
) -> Float[Array, "..."]:
    r"""Uniform in $\pm\sqrt{6 / ((1 + a^2)\, n)}$, which has the variance $2 / ((1 + a^2)\, n)$ of `he_normal`."""
    return _uniform(key, shape, dtype, _gain(negative_slope), fan)


def pytorch_uniform(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Uniform in $\pm 1 / \sqrt{n}$, of variance $1 / (3 n)$: what PyTorch draws kernels from by default.

    It is a third of what a linear layer needs and a sixth of what a ReLU needs to keep the second moment, so that the
    signal shrinks with depth. PyTorch writes it as its `kaiming_uniform_` with $a = \sqrt 5$, since
    $6 / ((1 + 5)\, n) = 1 / n$. The bias has the same limits, with the $n_{in}$ of its kernel.
    """
    return _uniform(key, shape, dtype, 1 / 3, fan)


def _gain(negative_slope):
    r"""$2 / (1 + a^2)$, by which a leaky ReLU's loss of second moment is made up for."""
    return 2 / (1 + negative_slope * negative_slope)


def _variance(scale, fan, dtype):
    """The scale over the fan, in at least float32: a fan may be larger than any float16."""
    return jnp.asarray(scale, jnp.promote_types(dtype, jnp.float32)) / fan


def _normal(key, shape, dtype, scale, fan):
    return normal(key, shape, dtype, stddev=jnp.sqrt(_variance(scale, fan(shape), dtype)))


def _uniform(key, shape, dtype, scale, fan):
    limit = jnp.sqrt(3 * _variance(scale, fan(shape), dtype))
    return (limit * jax.random.uniform(key, shape, wide(dtype), -1.0, 1.0)).astype(dtype)
