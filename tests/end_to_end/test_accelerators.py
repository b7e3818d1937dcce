"""Results on an accelerator equal those on the CPU; skipped if jax finds no accelerator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import Checkpoints, Task, fit

pytestmark = pytest.mark.gpu
MODELS = {
    "mlp": models.mlp((16,), 10, norm=models.LayerNorm),
    "convnet": models.convnet((4, 6), (8,), 10, norm=models.BatchNorm),
    "dropout": models.mlp((16,), 10, dropout_rate=0.5),
}


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(200))


def fitted(name, digits, devices, **more):
    model = MODELS[name]
    task = Task(
        model,
        F.cross_entropy,
        optimizers.adam(1e-2),
        20,
        metrics={"accuracy": metrics.accuracy},
        **more.pop("task", {}),
    )
    keys = jax.random.split(jax.random.key(1), 3)
    settings = {"epochs": 2, "dev": digits} | more
    return fit(task, digits, keys, devices=devices, **settings)


@pytest.mark.parametrize("name", MODELS)
def test_a_population_trains_as_on_the_cpu(name, digits):
    accelerated, reference = (fitted(name, digits, devices[:1]) for devices in (jax.devices(), jax.devices("cpu")))
    np.testing.assert_allclose(accelerated.history.loss, reference.history.loss, rtol=1e-3)
    params = accelerated.state.params, reference.state.params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2), *params)


def test_images_of_bytes_train_like_numbers(digits):
    pixels = digits._replace(inputs=jnp.uint8(digits.inputs * 16))
    numbers = fitted("mlp", digits, jax.devices()[:1])
    of_bytes = fitted("mlp", pixels, jax.devices()[:1], task={"transform": lambda inputs: inputs / 16})
    np.testing.assert_allclose(of_bytes.history.loss, numbers.history.loss, rtol=1e-3)


def test_an_interrupted_training_resumes(digits, tmp_path):
    def interrupt(progress):
        if progress.step:
            raise KeyboardInterrupt

    whole = fitted("mlp", digits, jax.devices()[:1])
    part = fitted("mlp", digits, jax.devices()[:1], watch=interrupt, checkpoints=Checkpoints(tmp_path, 0.0))
    rest = fitted("mlp", digits, jax.devices()[:1], checkpoints=Checkpoints(tmp_path, 0.0))
    assert part.interrupted
    np.testing.assert_allclose(rest.history.loss, whole.history.loss, rtol=1e-5)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_convolutions_and_their_gradients_equal_those_of_xla(stride, random):
    x, kernel = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in ((4, 9, 8, 3), (3, 3, 3, 5)))

    def by_jaxdl(x, kernel):
        return F.conv2d(x, kernel, jnp.zeros(5), stride=stride, padding="SAME")

    def by_xla(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, stride, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    for f in (lambda f: jax.jit(f), lambda f: jax.jit(jax.grad(lambda *a: (f(*a) ** 2).sum(), argnums=(0, 1)))):
        one, other = f(by_jaxdl)(x, kernel), f(by_xla)(x, kernel)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), one, other)
