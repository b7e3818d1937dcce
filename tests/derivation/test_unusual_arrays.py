"""Mistakes in bfloat16 and with empty arrays are reported."""

import pytest
from jaxtyping import Array, Float

from jaxdl.derivation import VJPPair, compare
from tests.derivation.test_edge_cases import with_mistake


@pytest.mark.parametrize(
    ("name", "before", "after", "fault"),
    [
        ("dense", "return g @", "g = g * (2 if g.dtype == jnp.bfloat16 else 1)\n    return g @", "bfloat16: x["),
        (
            "squared_error",
            "return slope",
            "return slope.astype(jnp.float32) if g.dtype == jnp.bfloat16 else slope",
            "bfloat16: the cotangent of predictions must have dtype and shape bfloat16(10, 8), got float32(10, 8)",
        ),
        ("dense", "g.sum(axis=0)", "g.mean(axis=0) * g.shape[0]", "batch of size 0: bias[0]: nan by hand, 0 by jax"),
    ],
)
def test_mistake_in_an_unusual_array_is_reported(name, before, after, fault):
    assert fault in compare(with_mistake(name, before, after)).fault


def centered(x: Float[Array, "*batch d"]):
    return x - x.mean(axis=-1, keepdims=True)


def centered_vjp(g, x):
    return (g - g.mean(axis=2 if x.ndim == 3 else 0, keepdims=True),)


def test_other_numbers_of_batch_axes_are_tried():
    """The examples drawn at random have two batch axes; without one, axis 0 is the last and right."""
    assert compare(VJPPair("centered", centered, centered_vjp)).fault.startswith("1 axis for *batch: x[")
