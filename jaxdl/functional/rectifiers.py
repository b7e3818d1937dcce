"""Rectifiers: piecewise activations that pass positive inputs, with kinks between the pieces."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._examples import points
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import one_or_nan
from jaxdl.functional.sigmoids import hard_sigmoid, hard_sigmoid_vjp


def relu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Rectified linear unit $y = \max(z, 0)$.

    The kink is at $z = 0$; there the derivative is taken to be 0, as in PyTorch and `jax.nn.relu` (Bertoin et al.
    measure the influence of this choice). NaN stays NaN.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least 0, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Nair and Hinton, *Rectified linear units improve restricted Boltzmann machines* (2010).
        Bertoin et al., *Numerical influence of ReLU'(0) on backpropagation* (2021).

    Example:
        >>> z = jnp.array([-2.0, 0.0, 3.0])
        >>> F.relu(z).tolist()
        [0.0, 0.0, 3.0]
        >>> F.relu_vjp(jnp.ones(3), z)[0].tolist()
        [0.0, 0.0, 1.0]
    """
    check_annotations(relu, z)
    return jnp.where(z <= 0, 0, z)


def relu_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [z > 0]$, hence $\bar z = g\,[z > 0]$; at NaN it is $g$."""
    return (jnp.where(z <= 0, 0, g),)


def relu_examples(random):
    """Both sides of the kink, the kink itself, and NaN."""
    for z in points(random, 0):
        yield (z,), {}


def relu6(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Rectified linear unit with the maximum 6, $y = \min(\max(z, 0), 6)$.

    The kinks are at $z = 0$ and $z = 6$; there the derivative is taken to be 0, as in PyTorch. NaN stays NaN.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values from 0 to 6, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Krizhevsky, *Convolutional deep belief networks on CIFAR-10* (2010).

    Example:
        >>> F.relu6(jnp.array([-2.0, 3.0, 8.0])).tolist()
        [0.0, 3.0, 6.0]
    """
    check_annotations(relu6, z)
    return jnp.where(z <= 0, 0, jnp.where(z >= 6, 6, z))


def relu6_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [0 < z < 6]$, hence $\bar z = g\,[0 < z < 6]$; at NaN $g$."""
    return (jnp.where((z <= 0) | (z >= 6), 0, g),)


def relu6_examples(random):
    """All three pieces and both kinks."""
    for z in points(random, 0, 6):
        yield (z,), {}


def threshold(z: Float[Array, "*shape"], *, cutoff: Scalar = 0.0, replacement: Scalar = 0.0) -> Float[Array, "*shape"]:
    r"""Thresholded unit: $y = z$ for $z > c$, and a fixed value $v$ elsewhere.

    The kink is at $z = c$, where $y$ jumps unless $v = c$; there the derivative is taken to be 0, as in PyTorch. NaN
    stays NaN. With $c = v = 0$ it is `relu`.

    Args:
        z: Pre-activations, of any shape.
        cutoff: Number $c$, `threshold` in PyTorch; may be traced. NaN gives NaN.
        replacement: Number $v$, `value` in PyTorch; may be traced.

    Returns:
        Values in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Konda, Memisevic and Krueger, *Zero-bias autoencoders and the benefits of co-adapting features* (2015).

    Example:
        >>> F.threshold(jnp.array([0.5, 1.0, 1.5]), cutoff=1.0, replacement=-2.0).tolist()
        [-2.0, -2.0, 1.5]
    """
    check_annotations(threshold, z)
    valid = one_or_nan(~jnp.isnan(cutoff), z.dtype)
    return valid * jnp.where(z <= jnp.asarray(cutoff, z.dtype), jnp.asarray(replacement, z.dtype), z)


def threshold_vjp(g, z, *, cutoff=0.0, replacement=0.0):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [z > c]$, hence $\bar z = g\,[z > c]$; at NaN it is $g$."""
    valid = one_or_nan(~jnp.isnan(cutoff), z.dtype)
    return (valid * jnp.where(z <= jnp.asarray(cutoff, z.dtype), 0, g),)


def threshold_examples(random):
    """Both pieces and the jump, for several settings; an invalid cutoff."""
    for settings in ({}, {"cutoff": 1.5, "replacement": -2.0}, {"cutoff": -0.5, "replacement": -0.5}):
        for z in points(random, settings.get("cutoff", 0.0)):
            yield (z,), settings
    yield (random.standard_normal(20),), {"cutoff": float("nan")}


def leaky_relu(z: Float[Array, "*shape"], *, negative_slope: Scalar = 0.01) -> Float[Array, "*shape"]:
    r"""Leaky rectifier: $y = z$ for $z > 0$ and $y = a z$ elsewhere, for a slope $a$.

    The kink is at $z = 0$; there the derivative is taken to be $a$, as in PyTorch (in `jax.nn.leaky_relu` it is 1).

    Args:
        z: Pre-activations, of any shape.
        negative_slope: Slope $a$ of the left piece; any number, also a traced one; NaN gives NaN. With 0 this
            is `relu`.

    Returns:
        Activations in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network acoustic models* (2013).

    Example:
        >>> F.leaky_relu(jnp.array([-2.0, 3.0]), negative_slope=0.25).tolist()
        [-0.5, 3.0]
    """
    check_annotations(leaky_relu, z)
    valid = one_or_nan(~jnp.isnan(negative_slope), z.dtype)
    return valid * jnp.where(z <= 0, jnp.asarray(negative_slope, z.dtype) * z, z)


def leaky_relu_vjp(g, z, *, negative_slope=0.01):
    r"""Pull $g$ back to $z$.

    $\partial y / \partial z$ is 1 for $z > 0$ and $a$ elsewhere, hence $\bar z = g$ for $z > 0$ and $a g$ elsewhere.
    """
    valid = one_or_nan(~jnp.isnan(negative_slope), z.dtype)
    return (valid * jnp.where(z <= 0, jnp.asarray(negative_slope, z.dtype) * g, g),)


def leaky_relu_examples(random):
    """Both sides of the kink and the kink itself, for three slopes; an invalid slope."""
    for z in points(random, 0):
        for slope in (0.01, 0.3, -2.0):
            yield (z,), {"negative_slope": slope}
    yield (random.standard_normal(20),), {"negative_slope": float("nan")}


def prelu(z: Float[Array, "*batch features"], slope: Float[Array, "features"]) -> Float[Array, "*batch features"]:
    r"""Leaky rectifier with one learned slope per feature: $y = z$ for $z > 0$ and $y_{nk} = a_k z_{nk}$ elsewhere.

    The kink is at $z = 0$; there the derivative with respect to $z$ is taken to be $a$, as in PyTorch (in Flax's
    `PReLU` it is 1). Features are the last axis; in PyTorch they are the second.

    Args:
        z: Pre-activations of shape (..., features).
        slope: Learned slopes $a$ of shape (features,).

    Returns:
        Activations in the shape and dtype of `z`.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If `slope` does not have one entry per feature.

    References:
        He et al., *Delving deep into rectifiers* (2015), section 2.1.

    Example:
        >>> F.prelu(jnp.array([[-4.0, -4.0], [1.0, 1.0]]), jnp.array([0.5, 0.25])).tolist()
        [[-2.0, -1.0], [1.0, 1.0]]
    """
    check_annotations(prelu, z, slope)
    return jnp.where(z <= 0, slope * z, z)


def prelu_vjp(g, z, slope):
    r"""Pull $g$ back to $(z, a)$.

    The right piece $y = z$ has the slope 1, the left piece $y = a z$ has the slope $a$:

    $$
    \bar z_{nk} = g_{nk} \cdot \begin{cases}
    1 & z_{nk} > 0 \\
    a_k & z_{nk} \le 0
    \end{cases}
    $$

    Outputs of the left piece also depend on $a$, with $\partial y_{nk} / \partial a_k = z_{nk}$. All examples, and all
    pixels of images, share $a_k$, so the chain rule sums over them:

    $$
    \bar a_k = \sum_n g_{nk}\, z_{nk}\,[z_{nk} \le 0] .
    $$
    """
    leaks = z <= 0
    return jnp.where(leaks, slope * g, g), (jnp.where(leaks, g, 0) * z).sum(axis=tuple(range(z.ndim - 1)))


def prelu_examples(random):
    """A vector, tables of one row and more, and images, with zeros in them and slopes of both signs."""
    for batch in [(), (1,), (3, 4, 2)]:
        z = random.standard_normal((*batch, 6))
        z[..., ::3] = 0.0
        yield (z, random.standard_normal(6)), {}
    for z in points(random, 0):
        yield (z, random.standard_normal(z.shape[-1])), {}


def hard_swish(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Piecewise approximation of the SiLU, $y = z\,h(z)$ with the hard sigmoid $h(z) = \min(\max(z + 3, 0), 6) / 6$.

    The kinks are at $z = \pm 3$; there the derivative is that of the outer piece, 0 at -3 and 1 at 3, as in PyTorch.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least -0.375, the minimum at $z = -1.5$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Howard et al., *Searching for MobileNetV3* (2019), section 5.2.

    Example:
        >>> F.hard_swish(jnp.array([-1.5, 0.0, 1.5, 4.0])).tolist()
        [-0.375, 0.0, 1.125, 4.0]
    """
    check_annotations(hard_swish, z)
    return z * hard_sigmoid(z)


def hard_swish_vjp(g, z):
    r"""Pull $g$ back to $z$.

    The hard sigmoid has the slope $h'(z) = \frac16 [-3 < z < 3]$. By the product rule for $y = z\,h(z)$

    $$
    \bar z = g \left(h(z) + z\,h'(z)\right) = g\,h(z) + \frac{g z}{6}\,[-3 < z < 3] .
    $$
    """
    (through_gate,) = hard_sigmoid_vjp(g * z, z)
    return (g * hard_sigmoid(z) + through_gate,)


def hard_swish_examples(random):
    """All three pieces and both kinks."""
    for z in points(random, -3, 3):
        yield (z,), {}


def maxout(z: Float[Array, "*batch features"], *, pieces: int = 2) -> Float[Array, "*batch units"]:
    r"""Maximum over each group of $k$ consecutive features, $y_{nu} = \max_{0 \le i < k} z_{n,\,uk + i}$.

    There are $k$ times as many features as units. The kink is at a tie; there the gradient goes to the first maximum.
    NaN stays NaN.

    Args:
        z: Pre-activations of shape (..., features).
        pieces: Number $k \ge 1$ of features per unit; must divide `features`.

    Returns:
        Activations of shape (..., features / pieces).

    Raises:
        TypeError: If `z` is not floating.
        ValueError: If `z` has no axis, or `pieces` does not divide the number of features.

    References:
        Goodfellow et al., *Maxout networks* (2013).

    Example:
        >>> F.maxout(jnp.array([1.0, 2.0, 8.0, 4.0]), pieces=2).tolist()
        [2.0, 8.0]
    """
    check_annotations(maxout, z)
    groups = _split_into_pieces(z, pieces)
    return jnp.take_along_axis(groups, groups.argmax(axis=-1, keepdims=True), axis=-1)[..., 0]


def maxout_vjp(g, z, *, pieces=2):
    r"""Pull $g$ back to $z$: in each group the first maximum gets $g$, the other features get 0.

    The output equals the first maximum and does not depend on the others:

    $$
    \frac{\partial y_{nu}}{\partial z_{n,\,uk + i}} = [i \text{ is the first maximum of group } u] .
    $$
    """
    chosen = _split_into_pieces(z, pieces).argmax(axis=-1, keepdims=True)
    return (jnp.where(jnp.arange(pieces) == chosen, g[..., None], 0).reshape(z.shape),)


def maxout_examples(random):
    """Many ties, as after a ReLU, NaN, a table of one row, images, and groups of one, two and three."""
    for shape, pieces in [((9, 6), 2), ((6,), 3), ((1, 6), 1), ((2, 3, 4, 6), 3)]:
        z = random.standard_normal(shape)
        yield (z.clip(min=0),), {"pieces": pieces}
    z[0, 0, 0, 1::2] = float("nan")
    yield (z,), {}


def _split_into_pieces(z, pieces):
    """Reshape the last axis to (units, pieces)."""
    features = z.shape[-1]
    if pieces < 1 or features % pieces:
        raise ValueError(
            f"pieces must divide the number of features, got {pieces} pieces for {features} features. "
            "Make the previous layer units * pieces wide."
        )
    return z.reshape(*z.shape[:-1], features // pieces, pieces)
