r"""Distributions whose variance depends on the shape, so that signals neither vanish nor explode with depth.

An output sums $n_{in}$ products, so independent weights of mean 0 multiply the second moment of the signal by
$n_{in} \mathrm{Var}[w]$. In the reverse pass an input sums $n_{out}$ products, which multiply the second moment of the
gradient by $n_{out} \mathrm{Var}[w]$. `fan` is a function of the shape that returns $n$: `fan_in` preserves the signal,
`fan_out` the gradient. Normal distributions are not truncated, as in the papers and in PyTorch. Those of Keras and jax
(and so of Flax) are truncated, with the same variance.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxdl.functional._types import Scalar
from jaxdl.initializers.distributions import at_least_float32, normal
from jaxdl.initializers.fans import fan_average, fan_in

Fan = Callable[[Sequence[int]], float]


def lecun_normal(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Draw from a normal distribution of mean 0 and variance $1 / n$.

    With $n = n_{in}$ a linear layer preserves the second moment of the signal, because $n_{in} \mathrm{Var}[w] = 1$.
    Use it for activations that are close to the identity near 0, such as tanh, and for SELU. Flax's default is the
    truncated form.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.
        fan: Function of the shape that returns $n$.

    Raises:
        ValueError: If the shape has fewer than two axes, which `fan_in` and `fan_out` need.

    References:
        LeCun, Bottou, Orr and Müller, *Efficient BackProp* (1998), section 4.6.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.lecun_normal(jax.random.key(0), (100, 400))
        >>> bool(abs(w.var() - 1 / 100) < 0.0005)
        True
    """
    return _normal(key, shape, dtype, 1.0, fan)


def lecun_uniform(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Draw uniformly from $\pm\sqrt{3 / n}$, with the variance $1 / n$ of `lecun_normal`.

    The variance of a uniform distribution on $\pm a$ is $a^2 / 3$.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.
        fan: Function of the shape that returns $n$.

    Raises:
        ValueError: If the shape has fewer than two axes, which `fan_in` and `fan_out` need.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.lecun_uniform(jax.random.key(0), (300, 100))
        >>> bool(abs(w).max() <= 0.1)
        True
    """
    return _uniform(key, shape, dtype, 1.0, fan)


def glorot_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Draw from a normal distribution of mean 0 and variance $2 / (n_{in} + n_{out})$.

    In the forward pass a linear layer preserves the variance of the signal with $1 / n_{in}$; in the reverse pass it
    preserves that of the gradient with $1 / n_{out}$. This is the compromise. PyTorch calls it Xavier.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.

    Raises:
        ValueError: If the shape has fewer than two axes.

    References:
        Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.glorot_normal(jax.random.key(0), (100, 300))
        >>> bool(abs(w.var() - 2 / 400) < 0.0005)
        True
    """
    return _normal(key, shape, dtype, 1.0, fan_average)


def glorot_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Draw uniformly from $\pm\sqrt{6 / (n_{in} + n_{out})}$, with the variance of `glorot_normal`.

    It is the default of Keras.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.

    Raises:
        ValueError: If the shape has fewer than two axes.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.glorot_uniform(jax.random.key(0), (200, 400))
        >>> bool(abs(w).max() <= 0.1)
        True
    """
    return _uniform(key, shape, dtype, 1.0, fan_average)


def he_normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    negative_slope: Scalar = 0.0,
    fan: Fan = fan_in,
) -> Float[Array, "..."]:
    r"""Draw from a normal distribution of mean 0 and variance $2 / ((1 + a^2)\, n)$: for (leaky) ReLUs.

    A ReLU halves the second moment, $E[y^2] = \tfrac12 E[z^2]$, and a sum of $n_{in}$ terms multiplies it by
    $n_{in} \mathrm{Var}[w]$. The variance $2 / n_{in}$ therefore preserves it from layer to layer. A leaky ReLU with
    the negative slope $a$ keeps $a^2$ of the other half, $E[y^2] = \tfrac12 (1 + a^2) E[z^2]$. PyTorch calls it
    Kaiming.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.
        negative_slope: $a$; 0 for a ReLU.
        fan: Function of the shape that returns $n$.

    Raises:
        ValueError: If the shape has fewer than two axes, which `fan_in` and `fan_out` need.

    References:
        He et al., *Delving deep into rectifiers* (2015).

    Example:
        A ReLU layer preserves the second moment of its input:

        >>> from jaxdl import initializers
        >>> x = jax.random.normal(jax.random.key(0), (500, 200))
        >>> y = F.relu(x @ initializers.he_normal(jax.random.key(1), (200, 200)))
        >>> bool(abs((y**2).mean() - 1) < 0.1)
        True
    """
    return _normal(key, shape, dtype, _gain(negative_slope), fan)


def he_uniform(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    negative_slope: Scalar = 0.0,
    fan: Fan = fan_in,
) -> Float[Array, "..."]:
    r"""Draw uniformly from $\pm\sqrt{6 / ((1 + a^2)\, n)}$, with the variance $2 / ((1 + a^2)\, n)$ of `he_normal`.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.
        negative_slope: $a$; 0 for a ReLU.
        fan: Function of the shape that returns $n$.

    Raises:
        ValueError: If the shape has fewer than two axes, which `fan_in` and `fan_out` need.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.he_uniform(jax.random.key(0), (600, 100))
        >>> bool(abs(w).max() <= 0.1)
        True
    """
    return _uniform(key, shape, dtype, _gain(negative_slope), fan)


def pytorch_uniform(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, fan: Fan = fan_in
) -> Float[Array, "..."]:
    r"""Draw uniformly from $\pm 1 / \sqrt{n}$, with variance $1 / (3 n)$: PyTorch's default for kernels.

    To preserve the second moment, a linear layer needs three times this variance and a ReLU layer six times. The signal
    therefore shrinks with depth. PyTorch writes it as `kaiming_uniform_` with $a = \sqrt 5$, because
    $6 / ((1 + 5)\, n) = 1 / n$. PyTorch's biases have the same limits, with $n_{in}$ of the kernel.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result.
        fan: Function of the shape that returns $n$.

    Raises:
        ValueError: If the shape has fewer than two axes, which `fan_in` and `fan_out` need.

    Example:
        Each linear layer shrinks the second moment to a third:

        >>> from jaxdl import initializers
        >>> x = jax.random.normal(jax.random.key(0), (500, 200))
        >>> y = x @ initializers.pytorch_uniform(jax.random.key(1), (200, 200))
        >>> bool(abs((y**2).mean() - 1 / 3) < 0.03)
        True
    """
    return _uniform(key, shape, dtype, 1 / 3, fan)


def _gain(negative_slope):
    r"""Return $2 / (1 + a^2)$, which compensates the second moment lost in a leaky ReLU."""
    return 2 / (1 + negative_slope * negative_slope)


def _variance(scale, fan, dtype):
    """Return the scale divided by the fan, in at least float32: a fan can exceed the largest float16."""
    return jnp.asarray(scale, jnp.promote_types(dtype, jnp.float32)) / fan


def _normal(key, shape, dtype, scale, fan):
    return normal(key, shape, dtype, stddev=jnp.sqrt(_variance(scale, fan(shape), dtype)))


def _uniform(key, shape, dtype, scale, fan):
    limit = jnp.sqrt(3 * _variance(scale, fan(shape), dtype))
    return (limit * jax.random.uniform(key, shape, at_least_float32(dtype), -1.0, 1.0)).astype(dtype)
