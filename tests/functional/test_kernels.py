"""All methods of convolution give the same numbers, and the method is chosen by size and platform as documented."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.functional import _kernels, _windows


def drawn(random, x, kernel):
    return [jnp.asarray(random.normal(size=shape)) for shape in (x, kernel, kernel[-1:])]


SETTINGS = [
    {},
    {"stride": (2, 1), "padding": ((1, 1), (2, 2))},
    {"stride": (1, 3), "padding": ((2, 2), (0, 0)), "dilation": (2, 1)},
    {"groups": 2, "stride": (2, 2)},
    {"groups": 4, "padding": ((1, 1), (1, 1)), "dilation": (1, 2)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_method_gives_the_same_numbers_and_derivatives(random, double, monkeypatch, settings):
    x, kernel, bias = drawn(random, (2, 7, 8, 4), (3, 2, 4 // settings.get("groups", 1), 8))
    results = []
    for patches, cpu_patches in [(2**22, 2**26), (0, 2**26), (0, 0)]:
        monkeypatch.setattr(_kernels, "PATCHES", patches)
        monkeypatch.setattr(_kernels, "CPU_PATCHES", cpu_patches)
        loss = lambda *a: (F.conv2d(*a, **settings) ** 2).sum()
        program = jax.jit(
            lambda *a: (loss(*a), jax.grad(loss, (0, 1, 2))(*a))
        )  # a new function, so that jax does not reuse a trace
        text = program.lower(x, kernel, bias).as_text()
        assert ("stablehlo.convolution" in text) == (cpu_patches == 0)
        results.append(program(x, kernel, bias))
    for other in results[1:]:
        for a, b in zip(jax.tree.leaves(results[0]), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)


def lowered(*arguments, groups):
    """Return the result of each method and the gradients of half the sum of its squares."""
    settings = {"padding": ((1, 1), (0, 1)), "stride": (1, 1), "dilation": (1, 2), "groups": groups}
    results = []
    for lowering in (_kernels.by_patches, _kernels.by_rows, _kernels.jax_convolution):
        y, pull = jax.vjp(lambda *a, lowering=lowering: lowering(*a, **settings), *arguments)
        results.append((y, pull(y)))
    return results


@pytest.mark.parametrize("height", [3, 6, 7])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_methods_of_all_platforms_agree(random, double, height, groups):
    """On a CPU, output rows of windows of three rows are computed in pairs; odd heights leave the last one unpaired."""
    x, kernel, bias = drawn(random, (2, height, 5, 8), (3, 2, 8 // groups, 6))
    assert kernel.shape[2] >= _kernels.CHANNELS
    results = jax.jit(lowered, static_argnames="groups")(x, kernel, bias, groups=groups)
    for other in results[1:]:
        for a, b in zip(jax.tree.leaves(results[0]), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_large_images_use_the_convolution_of_jax():
    program = lambda x: jax.make_jaxpr(F.conv2d)(x, jnp.zeros((7, 7, 3, 8)), jnp.zeros(8))
    assert "dot_general" in str(program(jax.ShapeDtypeStruct((8, 32, 32, 3), jnp.float32)))
    large = str(program(jax.ShapeDtypeStruct((64, 224, 224, 3), jnp.float32)))
    assert "conv_general_dilated" in large
    assert "dot_general" not in large


def test_conv2d_stays_a_matrix_product_under_vmap_over_kernels(random):
    x, kernel, bias = drawn(random, (2, 6, 6, 2), (3, 3, 2, 4))
    kernels = np.stack([kernel, 2 * np.asarray(kernel), -np.asarray(kernel)])
    loss = lambda kernel: (F.conv2d(x, kernel, bias) ** 2).sum()
    program, alone = jax.jit(jax.vmap(jax.grad(loss))), jax.jit(jax.grad(loss))
    assert "convolution" not in program.lower(kernels).as_text()
    for member, one in zip(np.asarray(program(kernels)), kernels, strict=True):
        np.testing.assert_allclose(member, alone(one), rtol=1e-4, atol=1e-4)


def test_conv2d_vjp_computes_large_patches_one_image_at_a_time(random, double, monkeypatch):
    x, kernel, bias = drawn(random, (3, 6, 7, 4), (3, 2, 2, 6))
    settings = {"stride": (2, 1), "padding": "SAME", "groups": 2}
    g = random.normal(size=jax.eval_shape(lambda *a: F.conv2d(*a, **settings), x, kernel, bias).shape)
    results = []
    for patches, is_in_turn in [(_kernels.CPU_PATCHES, False), (0, True)]:
        monkeypatch.setattr(_kernels, "CPU_PATCHES", patches)
        traced = jax.jit(lambda *a: F.conv2d_vjp(*a, **settings)).trace(g, x, kernel, bias)  # a new function, as above
        assert ("scan" in str(traced.jaxpr)) == is_in_turn
        results.append(traced.lower().compile()(g, x, kernel, bias))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((2, 1), (3, 2))])
def test_patches_size_equals_the_size_of_the_patches(stride, dilation):
    x, window, padding = jnp.zeros((2, 8, 7, 3)), (2, 3), ((1, 0), (1, 1))

    def patches(x):
        image = _windows.pad(_windows.to_batch_last(x), padding)
        return _kernels.im2col(_kernels.split_groups(image, 1), window, stride, dilation)

    expected = jax.eval_shape(patches, x)
    assert _kernels.patches_size(x, window, padding, stride, dilation) == expected.size
