"""Names of modules: `dir` lists what is public, and a misspelled name raises with the nearest one."""

import traceback

import pytest

import jaxdl.functional as F
from jaxdl import data, experiment, metrics, models, optimizers, reports, schedules, statistics, training


@pytest.mark.parametrize("module", [metrics, schedules, statistics], ids=lambda module: module.__name__)
def test_dir_of_a_module_lists_the_public_names_only(module):
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize(
    ("module", "name", "nearest"),
    [
        (F, "crossentropy", "cross_entropy"),
        (F, "CrossEntropy", "cross_entropy"),
        (optimizers, "Adam", "adam"),
        (models, "resnet18", "resnet"),
        (metrics, "acuracy", "accuracy"),
        (data, "stratifed_split", "stratified_split"),
        (training, "fitt", "fit"),
        (schedules, "cosine_decay", "cosine"),
        (statistics, "Sumary", "summary"),
        (experiment, "greater", "Greater"),
        (reports, "write_reports", "write_report"),
    ],
)
def test_an_unknown_name_raises_with_the_nearest(module, name, nearest):
    sentence = f"module '{module.__name__}' has no attribute '{name}': did you mean {nearest}?"
    with pytest.raises(AttributeError) as raised:
        getattr(module, name)
    assert str(raised.value) == sentence
    assert "".join(traceback.format_exception(raised.value)).count(nearest) <= 2  # Python adds no suggestion of its own


def test_a_name_that_is_near_to_no_other_raises():
    assert not hasattr(F, "mse")
    with pytest.raises(AttributeError, match=r"no attribute 'mse': help\(jaxdl.functional\) lists what it has\."):
        F.mse  # noqa: B018
