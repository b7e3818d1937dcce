import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F


def test_relu_passes_what_is_positive():
    assert F.relu(jnp.array([-2.0, -0.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 0.0, 3.0]


def test_the_derivative_at_zero_is_zero():
    assert jax.grad(F.relu)(0.0) == 0.0
    assert F.relu_vjp(jnp.array(1.0), jnp.array(0.0)) == (0.0,)


def test_nan_and_infinity_are_not_hidden():
    assert jnp.isnan(F.relu(jnp.array(jnp.nan)))
    assert F.relu(jnp.array([-jnp.inf, jnp.inf])).tolist() == [0.0, jnp.inf]


def test_relu_and_its_gradient_are_pytorchs_at_the_kink_too(torch, random):
    z = random.normal(size=50).astype(np.float32)
    z[::7] = 0.0
    theirs = torch.tensor(z, requires_grad=True)
    torch.relu(theirs).sum().backward()
    assert F.relu(jnp.asarray(z)).tolist() == torch.relu(theirs).tolist()
    assert F.relu_vjp(jnp.ones(50), jnp.asarray(z))[0].tolist() == theirs.grad.tolist()
