"""What PyTorch and Keras draw by default, for the parameters of one layer at a time."""

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
    r"""The parameters of a layer drawn anew as PyTorch does by default; shapes and dtypes stay.

    What they are called says what they belong to:

    - kernel, bias (dense layers and convolutions): both uniform in $\pm 1 / \sqrt{n_{in}}$ of the kernel;
    - scale, bias (norms): ones and zeros;
    - embedding: $\mathcal{N}(0, 1)$;
    - input_kernel, hidden_kernel, bias (rnn with one gate, lstm with four): uniform in $\pm 1 / \sqrt{h}$ of $h$ hidden
      units. PyTorch has two biases and adds them up; the bias here is the sum of two such draws, so that it is spread
      like a triangle over $\pm 2 / \sqrt{h}$;
    - with candidate_bias (gru, three gates): it is the last third of PyTorch's second bias, and is not added to the
      first, so that the last third of the bias here is one draw as well.

    The bias of dense layers, convolutions and norms may be absent. A transposed convolution's kernel looks like that of
    a convolution, but PyTorch counts its outputs: `pytorch_uniform` with `fan=fan_out`. Raises ValueError for other
    names. PyTorch 2.13, `reset_parameters` of each module.
    """
    return _draw(key, layer, _pytorch_affine, _pytorch_embedding, _pytorch_recurrent)


def keras(key: Key[Array, ""], layer: Layer) -> dict[str, Float[Array, "..."]]:
    r"""The parameters of a layer drawn anew as Keras does by default; shapes and dtypes stay.

    What they are called says what they belong to:

    - kernel, bias (dense layers and convolutions): `glorot_uniform` and zeros;
    - scale, bias (norms): ones and zeros;
    - embedding: uniform in $\pm 0.05$;
    - input_kernel, hidden_kernel, bias (rnn with one gate, lstm with four; gru with three and a candidate_bias):
      `glorot_uniform` with $n_{out}$ the units of all gates together, `orthogonal` of all gates side by side (so that
      its rows are orthonormal), and zeros, but ones for the forget gate of an lstm, so that memory is kept at first:
      Jozefowicz, Zaremba and Sutskever, *An empirical exploration of recurrent network architectures* (2015).

    The bias of dense layers, convolutions and norms may be absent. Raises ValueError for other names. Keras 3.
    """
    return _draw(key, layer, _keras_affine, _keras_embedding, _keras_recurrent)


def _draw(key, layer, affine: Callable, embedding: Callable, recurrent: Callable):
    """Draw a layer by the one of the three that its names call for; norms are the same everywhere."""
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
                "A layer must have a kernel, a scale (each with or without a bias), an embedding, or input_kernel, "
                f"hidden_kernel and bias (with or without candidate_bias), but was given with {', '.join(names)}: "
                "draw each of its parameters by an initializer of your own choice."
            )


def _check_gates(layer):
    """Refuse a recurrent layer whose shapes do not belong together."""
    given = {name: p.shape for name, p in layer.items()}
    inputs, hidden = given["input_kernel"][:1], given["hidden_kernel"][:1]

    def of(gates):
        units = tuple(gates * size for size in hidden)
        return {"input_kernel": inputs + units, "hidden_kernel": hidden + units, "bias": units}

    known = [of(3) | {"candidate_bias": hidden}] if "candidate_bias" in given else [of(1), of(4)]
    if given not in known:
        raise ValueError(
            "A recurrent layer must have input_kernel (inputs, gates × hidden), hidden_kernel (hidden, gates × hidden) "
            "and bias (gates × hidden) of 1 or 4 gates, or of 3 with a candidate_bias (hidden), but was given with "
            f"{', '.join(f'{name} {shape}' for name, shape in given.items())}: transpose or join them so."
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

    of_input, of_hidden, first, second = jax.random.split(key, 4)
    kernels = {"input_kernel": draw(of_input, "input_kernel"), "hidden_kernel": draw(of_hidden, "hidden_kernel")}
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
    of_input, of_hidden = jax.random.split(key)
    drawn = {name: jnp.zeros(p.shape, p.dtype) for name, p in layer.items()}
    drawn["input_kernel"] = glorot_uniform(of_input, layer["input_kernel"].shape, layer["input_kernel"].dtype)
    drawn["hidden_kernel"] = orthogonal(of_hidden, layer["hidden_kernel"].shape, layer["hidden_kernel"].dtype)
    hidden, columns = layer["hidden_kernel"].shape
    if columns == 4 * hidden:
        drawn["bias"] = drawn["bias"].at[hidden : 2 * hidden].set(1)
    return drawn
