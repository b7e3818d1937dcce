import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array, Bool, Float, Float32, Int, Key

import jaxdl.functional as F
from jaxdl import derivation
from tests.derivation import own_derivations


def test_examples_have_the_annotated_shapes_with_a_different_size_for_every_axis():
    def f(key: Key[Array, ""], x: Float[Array, "*batch rows columns"], labels: Int[Array, "rows"]) -> None: ...

    ((key, x, labels), settings) = derivation.examples(f)[0]
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    assert len(set(x.shape)) == x.ndim == 4
    assert labels.shape == (x.shape[2],)
    assert set(labels.tolist()) <= {0, 1, 2}
    assert settings == {}


def test_examples_have_batches_of_1_10_and_100():
    assert {arguments[0].shape[0] for arguments, _ in derivation.examples(F.dense)} == {1, 10, 100}


def test_argument_without_a_shape_annotation_raises():
    def f(x): ...

    with pytest.raises(
        TypeError, match=r"f\(x\) has no shape annotation\. Annotate it, or write f_examples\(random\), or pass"
    ):
        derivation.examples(f)


def test_argument_of_another_kind_raises():
    def f(x: Bool[Array, "rows"]): ...

    with pytest.raises(TypeError, match=r"f\(x\) is annotated as Bool, which cannot be drawn at random\. Write f_exam"):
        derivation.examples(f)


def test_tree_is_floating_only_if_all_its_leaves_are():
    assert derivation.is_floating((1.0, 2.0))
    assert not derivation.is_floating((1.0, 1))


def test_examples_beside_a_function_may_be_plain_tuples_of_arguments():
    def f(x): ...

    def f_examples(random):
        yield (random.normal(size=2),)
        yield (random.normal(size=3),), {}

    assert [arguments[0].shape for arguments, _ in derivation.examples(f)] == [(2,), (3,)]


def test_tree_as_the_second_argument_is_no_settings():
    def f(x, params): ...

    def f_examples(random):
        return [((1.0, 2.0), {"weights": random.normal(size=2)})]

    ((arguments, settings),) = derivation.examples(f)
    assert (len(arguments), settings) == (2, {})


def test_annotations_may_be_strings_and_name_a_precision():
    def f(x: "Float32[Array, 'rows columns']"): ...

    assert derivation.examples(f)[0][0][0].shape == (9, 8)


def test_pairs_of_a_single_module_include_compiled_functions():
    pairs = [pair.name for pair in derivation.vjp_pairs(own_derivations)]
    assert pairs == ["halved", "leaky", "log_loss", "network"]
