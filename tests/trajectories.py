"""A small problem with curvature, and the trajectories of optimizers of jaxdl, optax and PyTorch on it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

PARAMS = {"w": np.array([[1.0, -2.0, 0.3], [0.5, 3.0, -1.1]]), "b": np.array([0.1, -0.3])}


def loss(params, cosh=jnp.cosh):
    w, b = params["w"], params["b"]
    return (cosh(w).sum() + (w[:, 0] * b).sum() ** 2 + (b**4).sum() + (w[0] * w[1]).sum() ** 2 / 3) / 2


def trajectory(optimizer, steps=12, params=None, loss=loss):
    """Return the parameters after each step, stacked along a new first axis."""
    params = jax.tree.map(jnp.asarray, PARAMS if params is None else params)
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry, _):
        params, state = carry
        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradient, state, params, value=value, grad=gradient, value_fn=loss)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]


def torch_trajectory(torch, build, steps=12, clip=lambda parameters: None, scheduler=None):
    """Return what `trajectory` returns for the PyTorch optimizer `build(parameters)`.

    `clip(parameters)` and `scheduler(optimizer, loss)` are called before each step.
    """
    torch.set_default_dtype(torch.float64)  # otherwise NAdam keeps its momentum product in float32
    params = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMS.items()}
    optimizer = build(list(params.values()))
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(params, torch.cosh)
        value.backward()
        clip(list(params.values()))
        if scheduler:
            scheduler(optimizer, value.item())
        optimizer.step()
        path.append({name: value.detach().numpy().copy() for name, value in params.items()})
    torch.set_default_dtype(torch.float32)
    return {name: np.stack([at[name] for at in path]) for name in PARAMS}


def gradient_at(params):
    return jax.device_get(_GRADIENT(params))


def first_step(optimizer):
    """Return the change of the parameters in the first step."""
    path = jax.jit(lambda params: trajectory(optimizer, 1, params))(PARAMS)
    return jax.tree.map(lambda path, start: np.asarray(path[0]) - start, path, PARAMS)


def assert_close(one, other, tolerance):
    for name in PARAMS:
        np.testing.assert_allclose(one[name], other[name], rtol=tolerance, atol=tolerance)


_GRADIENT = jax.jit(jax.grad(loss))
