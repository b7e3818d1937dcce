import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run

RESPONSE = [
    {},
    {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2.0},
    {"size": 4, "alpha": 3.0, "beta": 1.0},
    {"size": 9, "alpha": 0.1, "beta": 0.0},
]


@pytest.mark.parametrize("settings", RESPONSE)
def test_local_response_norm_equals_pytorch_with_its_gradient(torch, random, double, settings):
    x, g = 3 * random.normal(size=(2, 4, 3, 6)), random.normal(size=(2, 4, 3, 6))
    theirs = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
    y = torch.nn.functional.local_response_norm(theirs, **{"size": 5, **settings})
    y.backward(torch.tensor(np.moveaxis(g, -1, 1).copy()))
    ours, (x_bar,) = run(
        lambda g, x: (F.local_response_norm(x, **settings), F.local_response_norm_vjp(g, x, **settings)), g, x
    )
    np.testing.assert_allclose(np.moveaxis(ours, -1, 1), y.detach(), rtol=1e-12)
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs.grad, rtol=1e-10, atol=1e-13)


def test_local_response_norm_equals_the_formula_of_its_paper(random, double):
    """Even and odd windows; the paper has no division by their size."""
    x = random.normal(size=(2, 7))

    def by_formula(size, alpha, beta, k):
        y = np.empty_like(x)
        for i in range(7):
            near = x[:, max(0, i - size // 2) : min(7, i + (size - 1) // 2 + 1)]
            y[:, i] = x[:, i] / (k + alpha / size * (near**2).sum(1)) ** beta
        return y

    for size in (1, 4, 5, 20):
        ours = run(F.local_response_norm, x, size=size, alpha=2.0, beta=0.75, k=1.5)
        np.testing.assert_allclose(ours, by_formula(size, 2.0, 0.75, 1.5), rtol=1e-12)


@pytest.mark.parametrize("size", [0, 2.5, "5"])
def test_local_response_norm_with_an_invalid_size_raises(unchecked, size):
    with pytest.raises(ValueError, match="size must be an integer of at least 1, the number of channels"):
        unchecked(F.local_response_norm)(jnp.ones((2, 3)), size=size)


def test_local_response_norm_with_a_setting_out_of_range_is_nan_with_its_gradient():
    def results(x):
        for settings in ({"alpha": -1.0}, {"beta": -0.5}, {"k": 0.0}):
            yield F.local_response_norm(x, **settings), F.local_response_norm_vjp(x, x, **settings)

    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(run(lambda x: list(results(x)), np.ones((2, 3)))))
