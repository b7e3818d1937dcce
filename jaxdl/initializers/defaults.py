"""The default initialization of PyTorch and of Keras, for all parameters of one layer."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxdl.initializers.distributions import normal, ones, uniform, zeros
from jaxdl.initializers.fans import fan_in
from jaxdl.initializers.isometries import orthogonal
from jaxdl.initializers.scaled import glorot_uniform, pytorch_uniform

Layer = Mapping[str, Float[Array, "..."]]


def pytorch(key: Key[Array, ""], layer: Layer) -> dict[str, Float[Array, "..."]]:
    r"""Reinitialize the parameters of a layer as PyTorch does by default.

    The names of the parameters determine the kind of layer:

    - kernel, bias (dense layers and convolutions): uniform in $\pm 1 / \sqrt{n_{in}}$ of the kernel, both.
    - scale, bias (normalization layers): ones and zeros.
    - embedding: $\mathcal{N}(0, 1)$.
    - input_kernel, hidden_kernel, bias (an RNN has one gate, an LSTM four): uniform in $\pm 1 / \sqrt{h}$ for $h$
      hidden units. PyTorch adds two biases. The bias here is the sum of two such draws, with a triangular distribution
      in $\pm 2 / \sqrt{h}$.
    - the same with candidate_bias (a GRU, three gates): candidate_bias is the last third of PyTorch's second bias. It
      is not added to the first, so that the last third of the bias here is a single draw. PyTorch has no GRU without
      candidate_bias (`reset_after=False`); its bias is drawn as that of an LSTM.

    Dense layers, convolutions and normalization layers may have no bias. For transposed convolutions, where PyTorch
    divides by the number of outputs, use `pytorch_uniform` with `fan=fan_out`. The definitions are those of
    `reset_parameters` in PyTorch 2.13.

    Args:
        key: Random key.
        layer: Parameters by name. Only shapes and dtypes are used.

    Returns:
        New parameters with the names, shapes and dtypes of `layer`.

    Raises:
        ValueError: If the names are those of no known layer, or the shapes of a recurrent layer do not match.

    Example:
        >>> from jaxdl import initializers
        >>> layer = {"bias": jnp.zeros(3), "kernel": jnp.zeros((100, 3))}
        >>> drawn = initializers.pytorch(jax.random.key(0), layer)
        >>> {name: bool(abs(parameter).max() <= 0.1) for name, parameter in drawn.items()}
        {'bias': True, 'kernel': True}
    """
    return _draw(key, layer, _pytorch_affine, _pytorch_embedding, _pytorch_recurrent)


def keras(key: Key[Array, ""], layer: Layer) -> dict[str, Float[Array, "..."]]:
    r"""Reinitialize the parameters of a layer as Keras 3 does by default.

    The names of the parameters determine the kind of layer:

    - kernel, bias (dense layers and convolutions): `glorot_uniform` and zeros.
    - scale, bias (normalization layers): ones and zeros.
    - embedding: uniform in $\pm 0.05$.
    - input_kernel, hidden_kernel, bias (an RNN has one gate, an LSTM four; a GRU has three and, with
      `reset_after=True`, a candidate_bias): `glorot_uniform` with $n_{out}$ counting the units of all gates,
      `orthogonal` for the concatenated gates (so that the rows are orthonormal), and zeros. The bias of the forget gate
      of an LSTM is 1, so that it remembers at first.

    Dense layers, convolutions and normalization layers may have no bias.

    Args:
        key: Random key.
        layer: Parameters by name. Only shapes and dtypes are used.

    Returns:
        New parameters with the names, shapes and dtypes of `layer`.

    Raises:
        ValueError: If the names are those of no known layer, or the shapes of a recurrent layer do not match.

    References:
        Jozefowicz, Zaremba and Sutskever, *An empirical exploration of recurrent network architectures* (2015), for
        the bias of the forget gate.

    Example:
        The gates of an LSTM are input, forget, candidate and output; here each has one hidden unit:

        >>> from jaxdl import initializers
        >>> lstm = {"bias": jnp.zeros(4), "hidden_kernel": jnp.zeros((1, 4)), "input_kernel": jnp.zeros((5, 4))}
        >>> initializers.keras(jax.random.key(0), lstm)["bias"].tolist()
        [0.0, 1.0, 0.0, 0.0]
    """
    return _draw(key, layer, _keras_affine, _keras_embedding, _keras_recurrent)


def _draw(key, layer, affine: Callable, embedding: Callable, recurrent: Callable):
    """Draw a layer by the function for its kind; normalization layers are the same in all frameworks."""
    match sorted(layer):
        case ["kernel"] | ["bias", "kernel"]:
            return affine(key, layer)
        case ["scale"] | ["bias", "scale"]:
            return {name: (ones if name == "scale" else zeros)(key, p.shape, p.dtype) for name, p in layer.items()}
        case ["embedding"]:
            return embedding(key, layer)
        case ["bias", "hidden_kernel", "input_kernel"] | ["bias", "candidate_bias", "hidden_kernel", "input_kernel"]:
            _check_gates(layer)
            return recurrent(key, layer)
        case names:
            raise ValueError(
                "no default initialization for a layer with the parameters "
                f"{', '.join(names)}. Known: kernel or scale, each with or without bias; embedding; input_kernel, "
                "hidden_kernel and bias, with or without candidate_bias. Initialize other parameters one by one."
            )


def _check_gates(layer):
    """Raise ValueError if the shapes of a recurrent layer do not match."""
    given = {name: p.shape for name, p in layer.items()}
    inputs, hidden = given["input_kernel"][:1], given["hidden_kernel"][:1]

    def shapes(gates):
        units = tuple(gates * size for size in hidden)
        return {"input_kernel": inputs + units, "hidden_kernel": hidden + units, "bias": units}

    known = [shapes(3) | {"candidate_bias": hidden}] if "candidate_bias" in given else [shapes(1), shapes(3), shapes(4)]
    if given not in known:
        raise ValueError(
            "a recurrent layer must have input_kernel (inputs, gates × hidden), hidden_kernel (hidden, gates × hidden) "
            "and bias (gates × hidden,) with 1, 3 or 4 gates, or 3 gates and candidate_bias (hidden,), got "
            f"{', '.join(f'{name} {shape}' for name, shape in given.items())}. Transpose or concatenate the arrays."
        )


def _pytorch_affine(key, layer):
    n = fan_in(layer["kernel"].shape)
    keys = jax.random.split(key, len(layer))
    return {
        name: pytorch_uniform(k, layer[name].shape, layer[name].dtype, fan=lambda _: n)
        for name, k in zip(sorted(layer), keys, strict=True)
    }


def _pytorch_embedding(key, layer):
    return {"embedding": normal(key, layer["embedding"].shape, layer["embedding"].dtype, stddev=1.0)}


def _pytorch_recurrent(key, layer):
    hidden = layer["hidden_kernel"].shape[0]

    def draw(key, name):
        return pytorch_uniform(key, layer[name].shape, layer[name].dtype, fan=lambda _: hidden)

    input_key, hidden_key, first, second = jax.random.split(key, 4)
    kernels = {"input_kernel": draw(input_key, "input_kernel"), "hidden_kernel": draw(hidden_key, "hidden_kernel")}
    first, second = draw(first, "bias"), draw(second, "bias")
    if "candidate_bias" not in layer:
        return kernels | {"bias": first + second}
    candidate_bias = second[2 * hidden :].astype(layer["candidate_bias"].dtype)
    return kernels | {"bias": first.at[: 2 * hidden].add(second[: 2 * hidden]), "candidate_bias": candidate_bias}


def _keras_affine(key, layer):
    return {name: (glorot_uniform if name == "kernel" else zeros)(key, p.shape, p.dtype) for name, p in layer.items()}


def _keras_embedding(key, layer):
    return {"embedding": uniform(key, layer["embedding"].shape, layer["embedding"].dtype, minval=-0.05, maxval=0.05)}


def _keras_recurrent(key, layer):
    input_key, hidden_key = jax.random.split(key)
    drawn = {name: jnp.zeros(p.shape, p.dtype) for name, p in layer.items()}
    drawn["input_kernel"] = glorot_uniform(input_key, layer["input_kernel"].shape, layer["input_kernel"].dtype)
    drawn["hidden_kernel"] = orthogonal(hidden_key, layer["hidden_kernel"].shape, layer["hidden_kernel"].dtype)
    hidden, columns = layer["hidden_kernel"].shape
    if columns == 4 * hidden:
        drawn["bias"] = drawn["bias"].at[hidden : 2 * hidden].set(1)
    return drawn
