"""Where training starts: the distributions that first parameters are drawn from.

Each takes `(key, shape, dtype)`. Of a kernel the last axis counts outputs, the one before it inputs, and any others
are its window, so that the fans are $n_{in}$ = inputs × window and $n_{out}$ = outputs × window.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def zeros(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """All zero: right for biases; a kernel of zeros (or of any one number) never breaks the symmetry of its units."""
    return jnp.zeros(shape, dtype)


def he_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Normal of mean 0 and variance $2 / n_{in}$.

    A ReLU halves the second moment, $E[y^2] = \tfrac12 E[z^2]$, and a sum of $n_{in}$ terms multiplies it by
    $n_{in} \mathrm{Var}[w]$: with $2 / n_{in}$ it stays what it is from layer to layer.
    He et al., *Delving deep into rectifiers* (2015).
    """
    return jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")(key, shape, dtype)


def he_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Uniform in $\pm\sqrt{6 / n_{in}}$, which has the variance $2 / n_{in}$ of `he_normal`."""
    return jax.nn.initializers.variance_scaling(2.0, "fan_in", "uniform")(key, shape, dtype)


def glorot_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Normal of mean 0 and variance $2 / (n_{in} + n_{out})$.

    Forward, a linear layer keeps the variance with $1 / n_{in}$; backward, the gradient keeps its own with
    $1 / n_{out}$; this is the compromise. Glorot and Bengio, *Understanding the difficulty of training deep
    feedforward neural networks* (2010).
    """
    return jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")(key, shape, dtype)


def glorot_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    r"""Uniform in $\pm\sqrt{6 / (n_{in} + n_{out})}$, which has the variance of `glorot_normal`."""
    return jax.nn.initializers.variance_scaling(1.0, "fan_avg", "uniform")(key, shape, dtype)

