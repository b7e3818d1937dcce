import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run, run_with_gradient


def test_floating_labels_of_one_output_cost_the_same_as_integers(random):
    logits, labels = jnp.asarray(random.normal(size=6), jnp.float32), jnp.array([0, 1, 0, 1, 1, 0])
    np.testing.assert_allclose(
        run(F.sigmoid_binary_cross_entropy, logits[:, None], labels[:, None].astype(jnp.float32)),
        run(F.sigmoid_binary_cross_entropy, logits, labels),
        rtol=1e-6,
    )


def test_sigmoid_binary_cross_entropy_is_accurate_in_the_tails_and_nan_for_targets_out_of_range():
    logits, targets = jnp.array([[-50.0], [50.0], [1e4], [-1e4], [0.0], [0.0]]), jnp.array([0, 1, 1, 1, 1.5, -0.1])
    loss, pull = jax.vjp(jax.jit(lambda z: F.sigmoid_binary_cross_entropy(z, targets[:, None])), logits)
    np.testing.assert_allclose(loss, [np.exp(-50), np.exp(-50), 0, 1e4, np.nan, np.nan], rtol=1e-6)
    for z_bar in (
        pull(jnp.ones(6))[0],
        run(F.sigmoid_binary_cross_entropy_vjp, jnp.ones(6), logits, targets[:, None])[0],
    ):
        np.testing.assert_allclose(z_bar[:, 0], [np.exp(-50), -np.exp(-50), 0, -1, np.nan, np.nan], rtol=1e-6)


def test_sigmoid_binary_cross_entropy_equals_pytorch_with_its_gradient(torch, random, double):
    logits, labels = 5 * random.normal(size=30), random.integers(0, 2, 30)
    theirs = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(theirs, torch.tensor(labels * 1.0), reduction="none")
    loss.sum().backward()
    ours = jnp.asarray(logits), jnp.asarray(labels)
    np.testing.assert_allclose(
        run(F.sigmoid_binary_cross_entropy, *ours), loss.detach(), rtol=1e-12, atol=1e-15
    )  # the subtraction in PyTorch loses digits of small losses
    np.testing.assert_allclose(run(F.sigmoid_binary_cross_entropy_vjp, np.ones(30), *ours)[0], theirs.grad, rtol=1e-12)


def test_sigmoid_binary_cross_entropy_is_cross_entropy_of_two_classes(random, double):
    z, labels = jnp.asarray(random.normal(size=9)), jnp.asarray(random.integers(0, 2, 9))
    np.testing.assert_allclose(
        run(F.sigmoid_binary_cross_entropy, z, labels),
        run(F.cross_entropy, np.stack([np.zeros(9), z], axis=1), labels),
        rtol=1e-12,
    )


def test_the_binary_gradient_at_logit_zero_is_one_half():
    labels = jnp.array([0, 1])
    automatic = run(jax.grad(lambda z: F.sigmoid_binary_cross_entropy(z, labels).sum()), jnp.zeros(2))
    assert automatic.tolist() == [0.5, -0.5]
    assert run(F.sigmoid_binary_cross_entropy_vjp, np.ones(2), np.zeros(2), labels)[0].tolist() == [0.5, -0.5]


def test_the_binary_gradient_is_accurate_in_the_tail():
    (gradient,) = run(F.sigmoid_binary_cross_entropy_vjp, np.ones(2), jnp.array([-30.0, 30.0]), jnp.array([0, 1]))
    np.testing.assert_allclose(gradient, [np.exp(-30), -np.exp(-30)], rtol=1e-5)


def test_sigmoid_binary_cross_entropy_is_finite_for_any_logit():
    z, labels = jnp.array([-1e4, -800.0, 800.0, 1e4]), jnp.array([1, 0, 1, 0])
    np.testing.assert_allclose(run(F.sigmoid_binary_cross_entropy, z, labels), [1e4, 0, 0, 1e4])
    assert np.isfinite(run(jax.grad(lambda z: F.sigmoid_binary_cross_entropy(z, labels).sum()), z)).all()


@pytest.mark.parametrize("label", [-1, 2])
def test_an_invalid_binary_label_gives_nan_in_loss_and_gradient(label):
    labels = jnp.array([0, label])
    loss, gradient = run_with_gradient(F.sigmoid_binary_cross_entropy, np.ones(2), labels)
    assert np.isnan(loss).tolist() == [False, True]
    assert np.isnan(gradient).tolist() == [False, True]


def test_sigmoid_binary_cross_entropy_names_wrong_shapes_and_dtypes(unchecked):
    loss = unchecked(F.sigmoid_binary_cross_entropy)
    with pytest.raises(TypeError, match="labels must be numbers, got bool"):
        loss(jnp.zeros(2), jnp.zeros(2, bool))
    with pytest.raises(TypeError, match="logits must be floating, got int32"):
        loss(jnp.zeros(2, int), jnp.zeros(2, int))
    expected = {
        ((2, 1), (2,)): r"\(1,\), got \(2,\): reshape it to \(batch, 1\)\.",
        ((2,), (2, 1)): r"\(\), got \(2, 1\): reshape it to \(batch,\)\.",
        ((2, 3), (2, 1)): r"\(3,\), got \(2, 1\)\.",
        ((2,), (3,)): r"\(\), got \(3,\)\.",
    }
    for (logits, labels), end in expected.items():
        start = r"labels must have the shape \(batch, \*outputs\) with batch = 2, \*outputs = "
        with pytest.raises(ValueError, match=f"^{start}{end}$"):
            loss(jnp.zeros(logits), jnp.zeros(labels, int))


def test_the_logistic_loss_in_bits_bounds_the_zero_one_loss():
    z = np.linspace(-5, 5, 101)
    bits = run(F.sigmoid_binary_cross_entropy, z, np.ones(101, int)) / np.log(2)
    assert (bits >= np.where(z <= 0, 1, 0)).all()
    assert bits[50] == pytest.approx(1.0)


def test_the_positive_weight_applies_only_to_positives():
    z, labels = jnp.array([0.3, 0.3]), jnp.array([0, 1])
    ratio = run(F.sigmoid_binary_cross_entropy, z, labels, positive_weight=3.0) / run(
        F.sigmoid_binary_cross_entropy, z, labels
    )
    np.testing.assert_allclose(ratio, [1, 3], rtol=1e-6)


def test_the_worst_attack_on_logistic_regression_reduces_the_margin_by_the_l1_norm(random, double):
    """FGSM attains the largest loss within ε of an example (in each input): softplus(ε‖w‖₁ − s(w·x + b))."""
    x, w, b, epsilon = jnp.asarray(random.normal(size=(9, 5))), jnp.asarray(random.normal(size=5)), 0.3, 0.25
    labels = jnp.asarray(random.integers(0, 2, 9))
    loss = lambda x: F.sigmoid_binary_cross_entropy(x @ w + b, labels)
    attacked = x + epsilon * jnp.sign(run(jax.grad(lambda x: loss(x).sum()), x))
    margin = (2 * labels - 1).astype(float) * (x @ w + b)
    np.testing.assert_allclose(run(loss, attacked), run(F.softplus, epsilon * F.l1(w) - margin), rtol=1e-12)


@pytest.mark.parametrize("positive_weight", [1.0, 2.5, 0.0])
def test_labels_between_zero_and_one_equal_pytorch_with_a_positive_weight(torch, random, double, positive_weight):
    z, t, g = 3 * random.normal(size=(5, 4)), random.uniform(size=(5, 4)), random.normal(size=5)
    leaves = [torch.tensor(a, requires_grad=True) for a in (z, t)]
    weight = torch.tensor(positive_weight)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss = bce(*leaves, pos_weight=weight, reduction="none").sum(-1)
    loss.backward(torch.tensor(g))
    np.testing.assert_allclose(
        run(F.sigmoid_binary_cross_entropy, z, t, positive_weight=positive_weight), loss.detach(), rtol=1e-12
    )
    by_hand = run(F.sigmoid_binary_cross_entropy_vjp, g, z, t, positive_weight=positive_weight)
    for ours, leaf in zip(by_hand, leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad, rtol=1e-11, atol=1e-14)


def test_binary_cross_entropy_of_probabilities_equals_that_of_logits_with_gradients(random, double):
    z, t, g = 3 * random.normal(size=(5, 4)), random.uniform(size=(5, 4)), random.normal(size=5)
    p = 1 / (1 + np.exp(-z))
    of_logits, of_probabilities = F.sigmoid_binary_cross_entropy, F.binary_cross_entropy
    np.testing.assert_allclose(run(of_probabilities, p, t), run(of_logits, z, t), rtol=1e-12)
    z_bar, t_bar = run(F.sigmoid_binary_cross_entropy_vjp, g, z, t)
    for p_bar, t_bar_of_p in (run(F.binary_cross_entropy_vjp, g, p, t), run(jax.vjp(of_probabilities, p, t)[1], g)):
        np.testing.assert_allclose(p_bar * p * (1 - p), z_bar, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(t_bar_of_p, t_bar, rtol=1e-11)


def test_binary_cross_entropy_equals_pytorch_inside_its_range(torch, random, double):
    p, labels, g = random.uniform(0.01, 0.99, (6, 3)), random.integers(0, 2, (6, 3)), random.normal(size=6)
    leaf = torch.tensor(p, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy(leaf, torch.tensor(1.0 * labels), reduction="none").sum(-1)
    loss.backward(torch.tensor(g))
    np.testing.assert_allclose(run(F.binary_cross_entropy, p, labels), loss.detach(), rtol=1e-12)
    np.testing.assert_allclose(run(F.binary_cross_entropy_vjp, g, p, labels)[0], leaf.grad, rtol=1e-12)


def test_certain_answers_cost_nothing_if_right_and_infinity_if_wrong():
    p, labels = jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0, 1, 1, 0])
    loss, gradient = run_with_gradient(F.binary_cross_entropy, p, labels)
    assert loss.tolist() == [0, 0, np.inf, np.inf]
    assert gradient.tolist() == [1, -1, -np.inf, np.inf]
    assert run(F.binary_cross_entropy_vjp, np.ones(4), p, labels)[0].tolist() == gradient.tolist()


def test_probabilities_out_of_range_raise_and_give_nan_if_traced():
    for p in (-0.1, 1.1, 30.0):
        probabilities, labels = jnp.array([0.5, p]), jnp.array([1, 0])
        with pytest.raises(ValueError, match=r"probabilities must be between 0 and 1.*sigmoid_binary_cross_entropy"):
            F.binary_cross_entropy(probabilities, labels)
        loss, gradient = run_with_gradient(F.binary_cross_entropy, probabilities, labels)
        by_hand = run(F.binary_cross_entropy_vjp, np.ones(2), probabilities, labels)[0]
        for result in (loss, gradient, by_hand):
            assert np.isnan(result).tolist() == [False, True]


def test_losses_of_an_empty_batch_or_of_zero_outputs_are_empty_or_zero():
    for f in (F.sigmoid_binary_cross_entropy, F.binary_cross_entropy):
        assert run(f, np.zeros((0, 3)), np.zeros((0, 3), int)).shape == (0,)
        assert run(f, np.zeros((2, 0)), np.zeros((2, 0), int)).tolist() == [0, 0]
