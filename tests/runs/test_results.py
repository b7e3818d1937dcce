"""The tables of a run: they agree with each other and with the data."""

import jax
import numpy as np
import pytest

from jaxdl import data, runs
from jaxdl.runs import files
from jaxdl.runs.examples import Examples, load_examples
from jaxdl.runs.prediction import member_outputs
from jaxdl.runs.results import _write_classes, evaluate, history_rows
from jaxdl.runs.settings import Train
from jaxdl.training import History, State


@pytest.fixture
def test_part():
    return load_examples(Train()).raw.test


def test_the_members_have_the_accuracies_of_the_last_epoch(digits_run):
    metrics, members = (files.read_table(digits_run / f"{name}.parquet") for name in ("metrics", "members"))
    last = [row for row, epoch in enumerate(metrics["epoch"]) if epoch == 4]
    assert [metrics["dev_accuracy"][row] for row in last] == pytest.approx(members["dev"])
    assert members["epochs"] == [4, 4, 4]
    assert members["diverged"] == [0, 0, 0]


def test_the_confusion_table_counts_every_test_example_once_per_network(digits_run, test_part):
    confusion = files.read_table(digits_run / "confusion.parquet")
    members = files.read_table(digits_run / "members.parquet")
    labels = np.asarray(test_part.labels)
    assert np.bincount(confusion["label"], confusion["count"]).tolist() == (3 * np.bincount(labels)).tolist()
    right = sum(n for label, predicted, n in zip(*confusion.values(), strict=True) if label == predicted)
    assert right / (3 * len(labels)) == pytest.approx(np.mean(members["test"]))


def test_the_hardest_examples_come_first_with_the_most_frequent_wrong_class(digits_run, test_part):
    mistakes = files.read_table(digits_run / "mistakes.parquet")
    labels, run = np.asarray(test_part.labels), runs.load_run(digits_run)
    inputs = data.encode_inputs(run.preparation, np.asarray(test_part.inputs))
    outputs = member_outputs(run.model, run.params, run.stats, inputs, classes=True)
    predicted = np.asarray(outputs).argmax(axis=-1)
    wrong = (predicted != labels).sum(axis=0)
    assert mistakes["members_wrong"] == sorted(wrong[wrong > 0].tolist(), reverse=True)[:40]
    assert mistakes["members_wrong"] == wrong[mistakes["example"]].tolist()
    assert mistakes["label"] == labels[mistakes["example"]].tolist()
    for example, found in zip(mistakes["example"], mistakes["predicted"], strict=True):
        others = predicted[:, example][predicted[:, example] != labels[example]].tolist()
        assert others.count(found) == max(map(others.count, others))
    assert all(image.startswith(b"\x89PNG") for image in mistakes["image"])


def test_the_parameters_are_those_of_every_member(digits_run):
    with np.load(digits_run / "params.npz") as params:
        assert params["params/Dense_0/kernel"].shape == (3, 64, 16)


def test_a_regression_has_scores_in_the_unit_of_its_labels(regression_run):
    members = files.read_table(regression_run / "members.parquet")
    assert {"train", "dev", "test", "test_root_mean_squared_error", "test_mean_absolute_error"} <= {*members}
    assert 0.9 < np.mean(members["test"]) < 1  # the noise is a hundredth of the variance
    assert 80 < np.mean(members["test_mean_absolute_error"]) < np.mean(members["test_root_mean_squared_error"]) < 600
    epochs = files.read_table(regression_run / "metrics.parquet")
    assert epochs["dev_r_squared"][-1] > epochs["dev_r_squared"][0]
    predicted = files.read_table(regression_run / "predicted.parquet")
    assert np.corrcoef(predicted["label"], predicted["predicted"])[0, 1] > 0.95


def test_mistakes_of_a_table_have_class_names_and_no_image(classes_run):
    mistakes = files.read_table(classes_run / "mistakes.parquet")
    assert "image" not in mistakes
    assert {*mistakes["label"]} | {*mistakes["predicted"]} <= {"ja ✓", "nein", "selten"}


def test_history_rows_end_where_a_member_stopped():
    history = History(np.array([[0.5, 0.4], [0.7, np.nan]]), {"accuracy": np.array([[0.1, 0.2], [0.3, np.nan]])})
    rows = list(history_rows(history, 3, np.array([5, 4])))
    assert rows == [
        {"member": 0, "epoch": 4, "train_loss": 0.5, "dev_accuracy": 0.1},
        {"member": 1, "epoch": 4, "train_loss": 0.7, "dev_accuracy": 0.3},
        {"member": 0, "epoch": 5, "train_loss": 0.4, "dev_accuracy": 0.2},
    ]


def test_predictions_of_a_regression_are_kept_with_their_labels_and_intervals(regression_run):
    predicted = files.read_table(regression_run / "predicted.parquet")
    labels = load_examples(
        Train(data=str(files.read_json(regression_run / "settings.json")["data"]), label="wealth", ignore=("label",))
    ).raw.test.labels
    np.testing.assert_allclose(predicted["label"], np.asarray(labels)[predicted["example"], 0])
    low, mean, high = (np.array(predicted[name]) for name in ("mean_low_95", "predicted", "mean_high_95"))
    assert (low <= mean).all()
    assert (mean <= high).all()


@pytest.fixture
def weighted():
    """Examples of three classes with weights, and a network whose logits are the inputs."""
    inputs = np.array([[3, 1, 2], [1, 2, 3], [2, 3, 1], [1, 3, 2]], np.float32)  # predicted as 0, 2, 1, 1
    unit = data.Standardization(np.zeros(3, np.float32), np.ones(3, np.float32))
    part = data.from_arrays(inputs, [0, 2, 1, 0], weights=[1.0, 0.5, 2.0, 4.0])
    split = data.Split(part, part, part)
    examples = Examples(split, split, data.Preparation(unit, data.Classes(("a", "b", "c")), (3,), {}))
    params = {"Dense_0": {"kernel": np.eye(3, dtype=np.float32)[None], "bias": np.zeros((1, 3), np.float32)}}
    return examples, State(jax.random.key(0), 0, 0, params, {}, (), {})


def test_accuracy_and_confusion_are_weighted(weighted, tmp_path):
    examples, state = weighted
    evaluation = evaluate(Train(hidden=()), examples, state)
    assert evaluation.scores["accuracy"]["test"] == pytest.approx((1 + 0.5 + 2) / 7.5)
    _write_classes(tmp_path, examples, evaluation.predicted)
    confusion = files.read_table(tmp_path / "confusion.parquet")
    counts = {(label, predicted): count for label, predicted, count in zip(*confusion.values(), strict=True) if count}
    assert counts == {("a", "a"): 1, ("a", "b"): 4, ("b", "b"): 2, ("c", "c"): 0.5}
