"""Linear, residual, recurrent and multi-head models, and LeNet-5: what is their own."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, derivation, initializers, models, optimizers, training
from jaxdl.models.resnet import shortcut
from tests.models.twins import drawn, images


def blobs(random, count=90):
    labels = np.arange(count) % 3
    return data.from_arrays(random.normal(size=(count, 4)) + 3 * np.eye(3, 4)[labels], labels)


def losses(task, sets, epochs):
    """The loss of each epoch, for two members of a population."""
    train = jax.jit(jax.vmap(lambda key: training.train(task, sets, key, epochs=epochs)[1].loss))
    return train(jax.random.split(jax.random.key(0), 2))


def test_linear_regression_finds_the_least_squares_fit(random):
    inputs, targets = random.normal(size=(50, 3)), random.normal(size=(50, 2))
    model = models.linear_regression(2)
    sets = data.from_arrays(inputs, targets)
    task = training.Task(model, training.supervised(model, F.squared_error), optimizers.lbfgs(), 50)
    state, _ = jax.jit(lambda sets: training.train(task, sets, jax.random.key(0), epochs=20))(sets)
    fit, *_ = np.linalg.lstsq(np.c_[inputs, np.ones(50)], targets, rcond=None)
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"], fit[:3], atol=1e-4)
    np.testing.assert_allclose(state.params["Dense_0"]["bias"], fit[3], atol=1e-4)


def test_logistic_and_softmax_regression_begin_undecided_and_learn(random):
    sets = blobs(random)
    two = data.take(sets, np.flatnonzero(np.asarray(sets.labels) < 2))
    binary = lambda z, y: F.binary_cross_entropy(z[:, 0], y)
    for model, loss, known, classes in [
        (models.softmax_regression(3), F.cross_entropy, sets, 3),
        (models.logistic_regression(), binary, two, 2),
    ]:
        task = training.Task(model, training.supervised(model, loss), optimizers.sgd(0.5), 10)
        before = jax.jit(lambda key: task.objective(*model.init(key, known.inputs[:1]), known, jax.random.key(1))[0])
        assert float(before(jax.random.key(0))) == pytest.approx(np.log(classes), rel=1e-6)
        assert (losses(task, known, 20)[:, -1] < 0.15).all()


def test_several_tasks_train_on_one_trunk(random):
    sets = blobs(random)
    targets = np.c_[sets.labels, np.asarray(sets.inputs).sum(1)]
    sets = data.from_arrays(sets.inputs, targets)
    model = models.multi_head(models.Mlp((16,), 16), {"class": 3, "sum": 1})
    loss = lambda z, y: F.cross_entropy(z["class"], y[:, 0].astype(int)) + F.squared_error(z["sum"], y[:, 1:])
    task = training.Task(model, training.supervised(model, loss), optimizers.adam(0.02), 15)
    assert (losses(task, sets, 40)[:, -1] < 0.2).all()
    assert {*jax.eval_shape(model.init, jax.random.key(0), sets.inputs)[0]} == {"trunk", "class", "sum"}


def test_lenet5_takes_images_of_32_pixels_too():
    model = models.lenet5(padding="VALID")
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 32, 32, 1)))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 61706


def test_a_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros():
    images = jnp.arange(2 * 4 * 5 * 3.0).reshape(2, 4, 5, 3)
    around = shortcut(images, 5, 2)
    np.testing.assert_array_equal(around[..., :3], images[:, ::2, ::2])
    assert around.shape == (2, 2, 3, 5)
    assert not around[..., 3:].any()
    np.testing.assert_array_equal(shortcut(images, 3, 1), images)


def test_a_block_whose_last_norm_is_zero_is_its_shortcut():
    inputs = jnp.asarray(images(2, 4, 4, 3))
    settings = (3, 1, models.BatchNorm, F.relu, initializers.he_normal, F)
    post, pre = models.PostActivation(*settings), models.PreActivation(*settings)

    @jax.jit
    def outputs(key, inputs):
        of_post, of_pre = (block.init(key, inputs, False) for block in (post, pre))
        of_post["params"]["BatchNorm_1"]["scale"] = jnp.zeros(3)
        of_pre["params"]["Conv_1"]["kernel"] *= 0
        return post.apply(of_post, inputs, False), pre.apply(of_pre, inputs, False)

    activated, as_it_was = outputs(jax.random.key(1), inputs)
    np.testing.assert_allclose(activated, np.maximum(inputs, 0))
    np.testing.assert_allclose(as_it_was, inputs)


def test_states_begin_at_zero_and_the_last_one_is_classified():
    inputs = jnp.asarray(images(3, 5, 4))
    model = models.recurrent(models.Gru, (6,), 2)
    params, stats = drawn(model, inputs)

    def by_hand(params):
        of, head = params["Gru_0"], params["Dense_0"]
        weights = (of["input_kernel"], of["hidden_kernel"], of["bias"], of["candidate_bias"])
        states = F.gru(inputs, jnp.zeros((3, 6)), *weights)
        return F.dense(states[:, -1], head["kernel"], head["bias"])

    outputs, expected = jax.jit(lambda params: (model.apply(params, stats, inputs)[0], by_hand(params)))(params)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(("layer", "gates"), [(models.Rnn, 1), (models.Gru, 3), (models.Lstm, 4)])
def test_recurrent_layers_begin_orthogonal_and_lstms_with_open_forget_gates(layer, gates, double):
    variables = jax.device_get(jax.jit(layer(6).init)(jax.random.key(0), jnp.ones((1, 2, 4)))["params"])
    matrices = np.split(variables["hidden_kernel"], gates, axis=1)
    for matrix in matrices:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(6), atol=1e-12)
    assert all(not np.allclose(matrices[0], other) for other in matrices[1:])
    forget = [1.0 if layer is models.Lstm and gate == 1 else 0.0 for gate in range(gates)]
    np.testing.assert_array_equal(variables["bias"], np.repeat(forget, 6))


def test_a_recurrent_network_remembers_the_first_step(random):
    inputs = random.normal(size=(60, 6, 2))
    labels = (inputs[:, 0, 0] > 0).astype(int)
    sets = data.from_arrays(inputs, labels)
    for layer in (models.Gru, models.Lstm):
        model = models.recurrent(layer, (12,), 2)
        task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.adam(0.02), 20)
        assert (losses(task, sets, 40)[:, -1] < 0.2).all()


HAND = derivation.by_hand()


@pytest.mark.parametrize(
    ("automatic", "by_hand", "inputs"),
    [
        (
            models.resnet((1,), (3,), 2),
            models.resnet((1,), (3,), 2, functional=HAND),
            (2, 4, 4, 3),
        ),
        (models.recurrent(models.Rnn, (3,), 2), models.recurrent(models.Rnn, (3,), 2, functional=HAND), (2, 3, 4)),
        (models.recurrent(models.Gru, (3,), 2), models.recurrent(models.Gru, (3,), 2, functional=HAND), (2, 3, 4)),
        (models.recurrent(models.Lstm, (3,), 2), models.recurrent(models.Lstm, (3,), 2, functional=HAND), (2, 3, 4)),
        (
            models.multi_head(models.Mlp((3,), 3), {"a": 2}),
            models.multi_head(models.Mlp((3,), 3, functional=HAND), {"a": 2}, functional=HAND),
            (2, 4),
        ),
        (models.softmax_regression(3), models.softmax_regression(3, functional=HAND), (2, 4)),
    ],
)
def test_they_train_through_the_hand_derivations(automatic, by_hand, inputs):
    inputs = images(*inputs)
    params, stats = drawn(automatic, inputs)

    def loss(params, model):
        outputs, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(outputs))

    both = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (automatic, by_hand)])
    truth, derived = both(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), derived, truth)
    assert "custom_vjp_call" in str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))


@pytest.mark.parametrize("inputs", [np.ones((2, 5), np.float32), np.ones((2, 0, 4), np.float32)])
def test_sequences_without_features_or_steps_are_told(inputs):
    with pytest.raises(
        ValueError, match=r"inputs must be sequences of at least one step, \(batch, time, features\), but"
    ):
        models.recurrent(models.Rnn, (3,), 2).init(jax.random.key(0), inputs)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (models.mlp((4,), 2, norm=models.BatchNorm), (4,)),
        (models.convnet((4,), (), 2, norm=models.BatchNorm, pool=None), (1, 1, 3)),
    ],
)
def test_a_batch_of_which_a_norm_sees_one_row_is_refused(model, shape, random):
    sets = data.from_arrays(random.normal(size=(6, *shape)), np.arange(6) % 2)
    task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.sgd(0.1), 1)
    keys = jax.random.split(jax.random.key(0), 1)
    observe = training.classification(model)
    with pytest.raises(ValueError, match=r"batch_size must give the batch norm BatchNorm_0 more than one row, but it"):
        training.fit(task, sets, keys, epochs=1, dev=sets, observe=observe)
    params, stats = drawn(model, sets.inputs)
    apply = jax.jit(lambda row: model.apply(params, stats, row, key=jax.random.key(0))[0])
    np.testing.assert_array_equal(*(apply(sets.inputs[row : row + 1]) for row in (0, 1)))  # why


def test_one_image_of_many_pixels_is_rows_enough(random):
    sets = data.from_arrays(random.normal(size=(6, 4, 4, 1)), np.arange(6) % 2)
    model = models.convnet((4,), (), 2, norm=models.BatchNorm)
    task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.sgd(0.1), 1)
    keys = jax.random.split(jax.random.key(0), 1)
    fitted = training.fit(task, sets, keys, epochs=1, dev=sets, observe=lambda state, dev: {})
    assert np.isfinite(fitted.history.loss).all()


@pytest.mark.parametrize(
    "of",
    [
        lambda norm: models.mlp((4, 4), 2, norm=norm),
        lambda norm: models.convnet((4,), (), 2, norm=norm),
        lambda norm: models.resnet((1,), (3,), 2, norm=norm),
    ],
)
def test_the_settings_of_a_norm_reach_every_norm(of):
    """After one batch a running mean that was 0 is 1 - momentum of it."""
    inputs = images(4, 5, 5, 3)
    usual, quick = of(models.BatchNorm), of(functools.partial(models.BatchNorm, momentum=0.25))
    params, stats = drawn(usual, inputs)
    stats = jax.tree.map(jnp.zeros_like, stats)
    moved = jax.jit(
        lambda params: [model.apply(params, stats, inputs, key=jax.random.key(2))[1] for model in (usual, quick)]
    )
    means = [
        [leaf for place, leaf in jax.tree.leaves_with_path(tree) if "mean" in str(place)] for tree in moved(params)
    ]
    assert len(means[0]) >= 1
    for slow, fast in zip(*means, strict=True):
        np.testing.assert_allclose(fast, 0.75 / 0.1 * slow, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [10, 5000])
def test_vectors_of_a_table_have_the_length_of_flaxs_whatever_the_vocabulary(vocabulary):
    ids = jnp.zeros((1, 3), int)
    model = models.recurrent(models.Lstm, (64,), 2, embedding=(vocabulary, 64))

    @jax.jit
    def tables(key):
        ours, flaxs = (of(vocabulary, 64).init(key, ids)["params"]["embedding"] for of in (models.Embed, nn.Embed))
        return ours, flaxs, model.init(jax.random.key(0), ids)[0]["Embed_0"]["embedding"]

    ours, flaxs, of_model = map(np.asarray, tables(jax.random.key(0)))
    for table in (ours, flaxs):
        assert float((table**2).sum(-1).mean()) == pytest.approx(1, rel=0.15)
    assert float(of_model.std()) == pytest.approx(float(ours.std()), rel=0.1)
