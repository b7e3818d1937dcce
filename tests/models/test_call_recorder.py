import threading
import time

import jax.numpy as jnp
import pytest
from flax import nnx

from jaxdl import models
from jaxdl.models import from_nnx, summary
from jaxdl.models.call_recorder import record_nnx_calls


def test_two_recordings_of_one_model_are_equal():
    model = models.lenet5()
    assert summary(model, jnp.ones((1, 28, 28, 1))) == summary(model, jnp.ones((1, 28, 28, 1)))


class Slow(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(4, 4, rngs=rngs)

    def __call__(self, x):
        time.sleep(0.1)
        return self.layer(x)


def test_recordings_in_several_threads_are_separate_and_restore_the_classes():
    before, summaries = (nnx.Linear.__call__, Slow.__call__), []
    model = from_nnx(lambda rngs: Slow(rngs))
    threads = [threading.Thread(target=lambda: summaries.append(summary(model, jnp.ones((2, 4))))) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert len(summaries) == 3
    assert len({*summaries}) == 1
    assert (nnx.Linear.__call__, Slow.__call__) == before


def test_a_module_that_raises_is_restored_and_without_a_recorder_never_changed():
    class Failing(nnx.Module):
        def __call__(self, x):
            raise ZeroDivisionError

    before = Failing.__call__
    with pytest.raises(ZeroDivisionError):
        summary(from_nnx(lambda rngs: Failing()), jnp.ones(2))
    assert Failing.__call__ is before
    with record_nnx_calls(Failing()):
        assert Failing.__call__ is before
