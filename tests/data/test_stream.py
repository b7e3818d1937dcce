import jax
import numpy as np
import pytest

from jaxdl.data.dataset import from_arrays, take
from jaxdl.data.stream import first_rows, read_rows, stream_arrays, stream_examples

INPUTS = np.arange(24.0).reshape(12, 2)
LABELS = np.arange(12) % 3


class Rows:
    """An array that says which rows it is asked for."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.asked = array, array.shape, array.ndim, []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        self.asked.append(np.asarray(rows).tolist())
        return self.array[rows]


class Examples(Rows):
    """A source of (inputs, labels), one example at a time."""

    def __getitem__(self, row):
        self.asked.append(row)
        return self.array[row], LABELS[row]


class ManyExamples(Examples):
    """The same source, many at a time."""

    def __getitem__(self, row):
        raise AssertionError

    def __getitems__(self, rows):
        self.asked.append(rows)
        return [(self.array[row], LABELS[row]) for row in rows]


STREAMS = [lambda: stream_arrays(INPUTS, LABELS)]
STREAMS += [lambda kind=kind: stream_examples(kind(INPUTS)) for kind in (Examples, ManyExamples)]


@pytest.mark.parametrize("make", STREAMS)
def test_it_gives_the_rows_of_the_data_set_in_the_order_that_is_asked_for(make):
    rows = np.array([[7, 0, 11], [3, 4, 1]])
    expected, given = from_arrays(INPUTS, LABELS), read_rows(make(), rows)
    for row, places in [(rows[0], 0), (rows[1], 1)]:
        for one, other in zip(take(expected, row), given, strict=True):
            assert np.array_equal(one, other[places])
            assert one.dtype == other.dtype
    assert make().size == 12


def test_a_file_is_asked_for_ascending_rows_and_for_nothing_else():
    inputs = Rows(INPUTS)
    stream = stream_arrays(inputs, LABELS)
    assert inputs.asked == []
    read_rows(stream, np.array([7, 0, 11]))
    assert inputs.asked == [[0, 7, 11]]


def test_a_source_is_asked_for_whole_numbers_one_or_many_at_a_time():
    one, many = Examples(INPUTS), ManyExamples(INPUTS)
    for source in (one, many):
        read_rows(stream_examples(source), np.array([7, 0, 11]))
    assert one.asked == [0, 7, 11]
    assert many.asked == [[0, 7, 11]]
    assert type(one.asked[0]) is type(many.asked[0][0]) is int


def test_arrays_on_disk_stay_there(tmp_path):
    np.save(tmp_path / "inputs.npy", INPUTS.astype(np.uint8))
    inputs = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    given = read_rows(stream_arrays(inputs, LABELS.astype(np.uint8), weights=LABELS.astype(np.uint8)), np.array([5, 2]))
    assert (given.labels.dtype, given.weights.dtype) == (np.int32, np.float32)
    assert given.inputs.tolist() == [[10, 11], [4, 5]]
    assert not isinstance(given.inputs, np.memmap)
    assert given.inputs.dtype == np.uint8


@pytest.mark.parametrize(
    ("given", "read"), [("u1", "u1"), ("i4", "i4"), ("i8", "i4"), ("f2", "f4"), ("f4", "f4"), ("f8", "f4")]
)
def test_integers_stay_what_they_are_and_floating_numbers_are_float32(given, read):
    first = first_rows(stream_arrays(INPUTS.astype(given), LABELS), 2)
    assert isinstance(first.inputs, jax.Array)
    assert first.inputs.dtype == read
    assert first.inputs.tolist() == INPUTS[:2].tolist()


def test_there_are_no_more_first_rows_than_rows():
    assert [first_rows(stream_arrays(INPUTS, LABELS), count).size for count in (0, 5, 100)] == [0, 5, 12]


def test_examples_weigh_one_each_or_what_is_given():
    rows = np.array([3, 1])
    assert read_rows(stream_arrays(INPUTS, LABELS), rows).weights.tolist() == [1, 1]
    assert read_rows(stream_arrays(INPUTS, LABELS, weights=np.arange(12)), rows).weights.tolist() == [3, 1]
    weighted = [(row, label, 2.0 * label) for row, label in zip(INPUTS, LABELS, strict=True)]
    weights = read_rows(stream_examples(weighted), rows).weights
    assert weights.tolist() == [0, 2]
    assert weights.dtype == np.float32


def test_inputs_may_be_a_tree():
    source = [({"a": row, "b": row[:1]}, target[None] * 1.5) for row, target in zip(INPUTS, LABELS, strict=True)]
    given = read_rows(stream_examples(source), np.array([4, 2]))
    assert given.inputs["a"].tolist() == INPUTS[[4, 2]].tolist()
    assert given.inputs["b"].tolist() == INPUTS[[4, 2], :1].tolist()
    assert given.labels.tolist() == [[1.5], [3.0]]
    assert given.labels.dtype == np.float32


def holes(rows):
    inputs = INPUTS.copy()
    inputs[rows, 1] = np.nan
    return inputs


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: stream_arrays(INPUTS, LABELS[:5]), ValueError, "labels must hold one row for each of the 12 inputs"),
        (
            lambda: stream_arrays(INPUTS, LABELS, weights=[1.0]),
            ValueError,
            "weights must hold one row for each of the 12 inputs, but hold 1",
        ),
        (lambda: stream_arrays(INPUTS[:, 0], LABELS), ValueError, r"inputs must have the shape \(examples, ...\)"),
        (lambda: stream_arrays(INPUTS[:0], LABELS[:0]), ValueError, "a stream must hold at least one example"),
        (lambda: stream_examples([]), ValueError, "a stream must hold at least one example"),
        (lambda: stream_examples(iter([])), TypeError, r"source must have a length and source\[row\], but was list_it"),
        (lambda: stream_arrays(INPUTS, LABELS, threads=0), ValueError, "threads must be at least 1, but was 0"),
        (lambda: stream_arrays(INPUTS, LABELS, chunk_bytes=0), ValueError, "chunk_bytes must be at least 1, but was 0"),
    ],
)
def test_what_is_no_stream_is_told_at_once(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


@pytest.mark.parametrize(
    ("stream", "error", "sentence"),
    [
        (
            stream_arrays(holes([9, 7]), LABELS),
            ValueError,
            "inputs must be finite .* 2 of 4 rows read hold NaN, infinity or larger numbers, the first of them row 7",
        ),
        (stream_arrays(INPUTS, holes([7])), ValueError, "labels must be finite .* 1 of 4 rows .* row 7"),
        (stream_arrays(INPUTS, LABELS, weights=holes([7])[:, 1]), ValueError, "weights must be finite.* row 7"),
        (stream_arrays(INPUTS * 1e300, LABELS), ValueError, "inputs must be finite and fit into 32 bits"),
        (
            stream_arrays(INPUTS.astype(int) << 28, LABELS),
            ValueError,
            "inputs must be finite and fit into 32 bits, but 2 of 4 rows .* row 7",
        ),
        (stream_arrays(INPUTS, LABELS, weights=-LABELS), ValueError, "weights must be one number .* none below 0"),
        (stream_arrays(INPUTS, LABELS, weights=INPUTS), ValueError, r"weights must be one number .* \(4, 2\)"),
        (stream_arrays(INPUTS, LABELS - 2), ValueError, "labels must be class numbers from 0"),
        (stream_arrays(INPUTS, LABELS / 2), TypeError, r"labels of shape \(4,\) must be integers"),
        (stream_arrays(INPUTS.astype(str), LABELS), TypeError, "inputs must be real numbers, but were given as <U"),
        (stream_examples([INPUTS[0]] * 12), TypeError, "source must give .* but gave ndarray for row 2"),
        (stream_examples([(1, 2, 3, 4)] * 12), TypeError, "source must give .* but gave tuple for row 2"),
    ],
)
def test_examples_that_cannot_be_trained_on_are_told_when_they_are_read(stream, error, sentence):
    with pytest.raises(error, match=sentence):
        read_rows(stream, np.array([9, 7, 3, 2]))


def test_what_a_source_raises_is_passed_on():
    class Broken(Examples):
        def __getitem__(self, row):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="^the disk is gone$"):
        read_rows(stream_examples(Broken(INPUTS)), np.array([1]))
