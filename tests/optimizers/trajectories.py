"""A small problem with curvature, and the paths that rules take on it: ours, optax's and PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

PARAMS = {"w": np.array([[1.0, -2.0, 0.3], [0.5, 3.0, -1.1]]), "b": np.array([0.1, -0.3])}


def loss(params, cosh=jnp.cosh):
    w, b = params["w"], params["b"]
    return (cosh(w).sum() + (w[:, 0] * b).sum() ** 2 + (b**4).sum() + (w[0] * w[1]).sum() ** 2 / 3) / 2


def trajectory(optimizer, steps=12, params=None, loss=loss):
    """The parameters after each step."""
    params = jax.tree.map(jnp.asarray, PARAMS if params is None else params)
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry, _):
        params, state = carry
        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradient, state, params, value=value, grad=gradient, value_fn=loss)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]


def theirs(torch, rule, steps=12, before=lambda parameters: None, scheduler=None):
    """PyTorch's path, for `rule(parameters)`; `before(parameters)` and `scheduler` act before each step."""
    torch.set_default_dtype(torch.float64)  # else NAdam keeps a product in float32
    params = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMS.items()}
    optimizer = rule(list(params.values()))
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(params, torch.cosh)
        value.backward()
        before(list(params.values()))
        if scheduler:
            scheduler(optimizer, value.item())
        optimizer.step()
        path.append({name: value.detach().numpy().copy() for name, value in params.items()})
    torch.set_default_dtype(torch.float32)
    return {name: np.stack([at[name] for at in path]) for name in PARAMS}


def same(one, other, tolerance):
    for name in PARAMS:
        np.testing.assert_allclose(one[name], other[name], rtol=tolerance, atol=tolerance)
