"""From the same weights and on the same batches, a hundred steps of training give the losses of PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, derivation, optimizers

STEPS, BATCH, LEARNING_RATE = 100, 32, 0.05


def mlp(f, params, x):
    w1, b1, w2, b2 = params
    return f.dense(f.relu(f.dense(x.reshape(len(x), -1), w1, b1)), w2, b2)


def convnet(f, params, x):
    kernel, bias, weights, out = params
    hidden = f.max_pool(f.relu(f.conv2d(x, kernel, bias, padding="SAME")))
    return f.dense(hidden.reshape(len(x), -1), weights, out)


def mlp_in_torch(torch, params, x):
    w1, b1, w2, b2 = params
    return torch.relu(x.reshape(len(x), -1) @ w1 + b1) @ w2 + b2


def convnet_in_torch(torch, params, x):
    kernel, bias, weights, out = params
    hidden = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1)
    hidden = torch.nn.functional.max_pool2d(torch.relu(hidden), 2)
    return hidden.permute(0, 2, 3, 1).reshape(len(x), -1) @ weights + out


NETWORKS = {
    "mlp": (mlp, mlp_in_torch, [(64, 32), (32,), (32, 10), (10,)]),
    "convnet": (convnet, convnet_in_torch, [(3, 3, 1, 6), (6,), (96, 10), (10,)]),
}


def losses_in_torch(torch, apply, params, batches):
    params = [torch.tensor(w, requires_grad=True) for w in params]
    optimizer = torch.optim.SGD(params, LEARNING_RATE, momentum=0.9)
    losses = []
    for x, labels in zip(*batches, strict=True):
        loss = torch.nn.functional.cross_entropy(apply(torch, params, torch.tensor(x)), torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def losses_of(f, apply, params, batches):
    optimizer = optimizers.momentum(LEARNING_RATE, decay=0.9)

    def step(carry, batch):
        params, state = carry
        loss, gradient = jax.value_and_grad(lambda p: f.cross_entropy(apply(f, p, batch[0]), batch[1]).mean())(params)
        updates, state = optimizer.update(gradient, state, params)
        return (jax.tree.map(jnp.add, params, updates), state), loss

    return jax.jit(lambda params, batches: jax.lax.scan(step, (params, optimizer.init(params)), batches)[1])(
        params, batches
    )


@pytest.mark.parametrize("gradient", ["by jax", "by hand"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_hundred_steps_give_the_losses_of_pytorch(torch, random, network, dtype, tolerance, gradient):
    apply, apply_in_torch, shapes = NETWORKS[network]
    digits = data.load_digits()
    rows = random.integers(0, digits.size, (STEPS, BATCH))
    batches = np.asarray(digits.inputs, dtype)[rows], np.asarray(digits.labels, np.int64)[rows]
    params = [(random.normal(size=s) * (2 / np.prod(s[:-1])) ** 0.5).astype(dtype) for s in shapes]
    theirs = losses_in_torch(torch, apply_in_torch, params, batches)
    with jax.enable_x64(dtype == np.float64):
        f = F if gradient == "by jax" else derivation.by_hand()
        ours = np.asarray(losses_of(f, apply, [jnp.asarray(w) for w in params], batches))
    assert ours.dtype == dtype
    assert ours[-1] < 0.5 * ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)
