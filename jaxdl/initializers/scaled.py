r"""Distributions whose variance depends on the shape, so that signals neither vanish nor explode with depth.

An output $z = \sum_{i=1}^{n_{in}} w_i x_i$ sums $n_{in}$ products. For independent weights of mean 0 the
expectation of all mixed products $w_i w_j$ is 0, so that the second moment of the signal is multiplied by
$n_{in} \mathrm{Var}[w]$:

$$
\mathrm{E}[z^2]
= \sum_{i,\,j} \mathrm{E}[w_i w_j]\, \mathrm{E}[x_i x_j]
= \sum_i \mathrm{Var}[w]\, \mathrm{E}[x_i^2]
= n_{in} \mathrm{Var}[w] \cdot \mathrm{E}[x^2] ,
$$

where $\mathrm{E}[x^2]$ is the mean over the inputs. In the reverse pass an input sums $n_{out}$ products, which
multiply the second moment of the gradient by $n_{out} \mathrm{Var}[w]$. `fan` is a function of the shape that
returns $n$: `fan_in` preserves the signal, `fan_out` the gradient. Normal distributions are not truncated, as in
the papers and in PyTorch. Those of Keras and jax (and so of Flax) are truncated, with the same variance.
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

    The variance of a uniform distribution on $\pm a$ is

    $$
    \frac{1}{2a} \int_{-a}^{a} w^2\, dw = \frac{a^2}{3} ,
    $$

    which is $1 / n$ for $a = \sqrt{3 / n}$.

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

    A sum of $n_{in}$ terms multiplies the second moment by $n_{in} \mathrm{Var}[w]$. Its distribution is symmetric
    around 0. So a ReLU, which sets the negative half to 0, halves the second moment, and a leaky ReLU with the negative
    slope $a$ keeps $a^2$ of the other half:

    $$
    \mathrm{E}[y^2]
    = \tfrac12\, \mathrm{E}[z^2] + \tfrac12\, a^2\, \mathrm{E}[z^2]
    = \tfrac12 (1 + a^2)\, \mathrm{E}[z^2] .
    $$

    The variance $2 / ((1 + a^2)\, n_{in})$ therefore preserves it from layer to layer. PyTorch calls it
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
