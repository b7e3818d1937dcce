import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import optimizers

PARAMS = {"w": np.array([[1.0, -2.0], [0.5, 3.0]]), "b": np.array([0.1, -0.3])}


def loss(params):
    return (jnp.cosh(params["w"]).sum() + (params["w"][0] * params["b"]).sum() ** 2 + (params["b"] ** 4).sum()) / 2


def trajectory(optimizer, steps=12):
    params = jax.tree.map(jnp.asarray, PARAMS)
    state = optimizer.init(params)
    path = []
    for _ in range(steps):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
        path.append(params)
    return path


def theirs(torch, optimizer, steps=12):
    params = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMS.items()}
    optimizer = optimizer(params.values())
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        w, b = params["w"], params["b"]
        ((torch.cosh(w).sum() + (w[0] * b).sum() ** 2 + (b**4).sum()) / 2).backward()
        optimizer.step()
        path.append({name: value.detach().numpy().copy() for name, value in params.items()})
    return path


def same(one, other, tolerance):
    for ours, expected in zip(one, other, strict=True):
        for name in PARAMS:
            np.testing.assert_allclose(ours[name], expected[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("ours", "alias"),
    [
        (optimizers.sgd(0.05), optax.sgd(0.05)),
        (optimizers.momentum(0.05, decay=0.8), optax.sgd(0.05, momentum=0.8)),
        (optimizers.adam(0.05, b1=0.8, b2=0.99, eps=1e-3), optax.adam(0.05, b1=0.8, b2=0.99, eps=1e-3)),
        (optimizers.adamw(0.05, weight_decay=0.1), optax.adamw(0.05, weight_decay=0.1)),
        (optimizers.adamw(0.05), optax.adamw(0.05)),
        (optimizers.momentum(0.05), optax.sgd(0.05, momentum=0.9)),
        (optimizers.sgd(optax.linear_schedule(0.1, 0.0, 10)), optax.sgd(optax.linear_schedule(0.1, 0.0, 10))),
    ],
)
def test_a_chain_is_optaxs_alias(ours, alias):
    same(trajectory(ours), trajectory(alias), 0)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_a_trajectory_is_pytorchs(torch, double, name):
    ours, rule = {
        "sgd": (optimizers.sgd(0.05), lambda p: torch.optim.SGD(p, 0.05)),
        "momentum": (optimizers.momentum(0.05, decay=0.8), lambda p: torch.optim.SGD(p, 0.05, momentum=0.8)),
        "adam": (optimizers.adam(0.05), lambda p: torch.optim.Adam(p, 0.05)),
        "adamw": (optimizers.adamw(0.05, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.1)),
    }[name]
    same(trajectory(ours), theirs(torch, rule), 1e-12)


def test_adams_first_step_is_the_rate_times_the_sign_of_the_gradient(double):
    (after,) = trajectory(optimizers.adam(0.05), steps=1)
    sign = jax.tree.map(jnp.sign, jax.grad(loss)(jax.tree.map(jnp.asarray, PARAMS)))
    for name in PARAMS:
        np.testing.assert_allclose(after[name], PARAMS[name] - 0.05 * sign[name], rtol=1e-6)


def test_only_what_is_masked_decays():
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    optimizer = optimizers.adamw(0.5, weight_decay=0.1, mask=lambda params: {"w": True, "b": False})
    updates, _ = optimizer.update(zero, optimizer.init(PARAMS), jax.tree.map(jnp.asarray, PARAMS))
    np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-6)
    assert not updates["b"].any()


def test_hyperparameters_may_be_traced(double):
    def end(rate, b1, decay):
        return trajectory(optimizers.adamw(rate, b1=b1, weight_decay=decay), steps=3)[-1]

    rates, b1s, decays = jnp.array([0.01, 0.1]), jnp.array([0.9, 0.5]), jnp.array([0.0, 0.1])
    swept = jax.vmap(end)(rates, b1s, decays)
    for index in range(2):
        alone = end(float(rates[index]), float(b1s[index]), float(decays[index]))
        for name in PARAMS:
            np.testing.assert_allclose(swept[name][index], alone[name], rtol=1e-12)


def test_gradient_descent_on_a_quadratic_converges_below_two_over_the_curvature_and_diverges_above():
    def after(rate):
        optimizer = optimizers.sgd(rate)
        w, state = jnp.array(1.0), optimizer.init(jnp.array(1.0))
        for _ in range(200):
            updates, state = optimizer.update(4.0 * w, state, w)
            w = optax.apply_updates(w, updates)
        return float(abs(w))

    assert after(0.49) < 0.1
    assert after(0.51) > 10
