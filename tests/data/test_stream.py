import jax
import numpy as np
import pytest

from jaxdl.data.dataset import from_arrays, take
from jaxdl.data.stream import first_rows, read_rows, stream_arrays, stream_examples

INPUTS = np.arange(24.0).reshape(12, 2)
LABELS = np.arange(12) % 3


class Rows:
    """An array that records which rows are requested."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.requested = array, array.shape, array.ndim, []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        self.requested.append(np.asarray(rows).tolist())
        return self.array[rows]


class Examples(Rows):
    """A source of (inputs, labels) that returns one example at a time."""

    def __getitem__(self, row):
        self.requested.append(row)
        return self.array[row], LABELS[row]


class ManyExamples(Examples):
    """The same source, with many examples at a time."""

    def __getitem__(self, row):
        raise AssertionError

    def __getitems__(self, rows):
        self.requested.append(rows)
        return [(self.array[row], LABELS[row]) for row in rows]


STREAMS = [lambda: stream_arrays(INPUTS, LABELS)]
STREAMS += [lambda kind=kind: stream_examples(kind(INPUTS)) for kind in (Examples, ManyExamples)]


@pytest.mark.parametrize("make", STREAMS)
def test_rows_are_returned_in_the_requested_order(make):
    rows = np.array([[7, 0, 11], [3, 4, 1]])
    expected, found = from_arrays(INPUTS, LABELS), read_rows(make(), rows)
    for row, index in [(rows[0], 0), (rows[1], 1)]:
        for one, other in zip(take(expected, row), found, strict=True):
            assert np.array_equal(one, other[index])
            assert one.dtype == other.dtype
    assert make().size == 12


def test_arrays_are_read_only_at_the_requested_rows_in_ascending_order():
    inputs = Rows(INPUTS)
    stream = stream_arrays(inputs, LABELS)
    assert inputs.requested == []
    read_rows(stream, np.array([7, 0, 11]))
    assert inputs.requested == [[0, 7, 11]]


def test_sources_are_indexed_by_python_integers():
    single, many = Examples(INPUTS), ManyExamples(INPUTS)
    for source in (single, many):
        read_rows(stream_examples(source), np.array([7, 0, 11]))
    assert single.requested == [0, 7, 11]
    assert many.requested == [[0, 7, 11]]
    assert type(single.requested[0]) is type(many.requested[0][0]) is int


def test_memory_maps_are_read_row_by_row(tmp_path):
    np.save(tmp_path / "inputs.npy", INPUTS.astype(np.uint8))
    inputs = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    found = read_rows(stream_arrays(inputs, LABELS.astype(np.uint8), weights=LABELS.astype(np.uint8)), np.array([5, 2]))
    assert (found.labels.dtype, found.weights.dtype) == (np.int32, np.float32)
    assert found.inputs.tolist() == [[10, 11], [4, 5]]
    assert not isinstance(found.inputs, np.memmap)
    assert found.inputs.dtype == np.uint8


@pytest.mark.parametrize(
    ("stored", "read"), [("u1", "u1"), ("i4", "i4"), ("i8", "i4"), ("f2", "f4"), ("f4", "f4"), ("f8", "f4")]
)
def test_integers_keep_up_to_32_bits_and_floating_point_becomes_float32(stored, read):
    first = first_rows(stream_arrays(INPUTS.astype(stored), LABELS), 2)
    assert isinstance(first.inputs, jax.Array)
    assert first.inputs.dtype == read
    assert first.inputs.tolist() == INPUTS[:2].tolist()


def test_first_rows_returns_at_most_all_rows():
    assert [first_rows(stream_arrays(INPUTS, LABELS), count).size for count in (0, 5, 100)] == [0, 5, 12]


def test_weights_are_one_or_as_given():
    rows = np.array([3, 1])
    assert read_rows(stream_arrays(INPUTS, LABELS), rows).weights.tolist() == [1, 1]
    assert read_rows(stream_arrays(INPUTS, LABELS, weights=np.arange(12)), rows).weights.tolist() == [3, 1]
    weighted = [(row, label, 2.0 * label) for row, label in zip(INPUTS, LABELS, strict=True)]
    weights = read_rows(stream_examples(weighted), rows).weights
    assert weights.tolist() == [0, 2]
    assert weights.dtype == np.float32
    streams = stream_arrays(INPUTS, LABELS), stream_arrays(INPUTS, LABELS, weights=LABELS), stream_examples(weighted)
    assert [stream.weighted for stream in streams] == [False, True, True]


def test_inputs_may_be_a_pytree():
    source = [({"a": row, "b": row[:1]}, target[None] * 1.5) for row, target in zip(INPUTS, LABELS, strict=True)]
    found = read_rows(stream_examples(source), np.array([4, 2]))
    assert found.inputs["a"].tolist() == INPUTS[[4, 2]].tolist()
    assert found.inputs["b"].tolist() == INPUTS[[4, 2], :1].tolist()
    assert found.labels.tolist() == [[1.5], [3.0]]
    assert found.labels.dtype == np.float32


def with_nan(rows):
    inputs = INPUTS.copy()
    inputs[rows, 1] = np.nan
    return inputs


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: stream_arrays(INPUTS, LABELS[:5]), ValueError, "labels must hold one row for each of the 12 inputs"),
        (
            lambda: stream_arrays(INPUTS, LABELS, weights=[1.0]),
            ValueError,
            "weights must hold one row for each of the 12 inputs, got 1 rows",
        ),
        (lambda: stream_arrays(INPUTS[:, 0], LABELS), ValueError, r"inputs must have the shape \(examples, ...\)"),
        (lambda: stream_arrays(INPUTS[:0], LABELS[:0]), ValueError, "a stream must hold at least one example"),
        (
            lambda: stream_arrays(np.ma.masked_equal(INPUTS, INPUTS[0, 0]), LABELS),
            ValueError,
            "inputs must not hold masked numbers, got 1 of ",
        ),
        (lambda: stream_examples([]), ValueError, "a stream must hold at least one example"),
        (lambda: stream_examples(iter([])), TypeError, r"source must have a length and source\[row\], got list_it"),
        (lambda: stream_arrays(INPUTS, LABELS, threads=0), ValueError, "threads must be at least 1, got 0"),
        (lambda: stream_arrays(INPUTS, LABELS, chunk_bytes=0), ValueError, "chunk_bytes must be at least 1, got 0"),
    ],
)
def test_invalid_streams_raise_errors_at_once(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("stream", "error", "message"),
    [
        (
            stream_arrays(with_nan([9, 7]), LABELS),
            ValueError,
            "inputs must be finite .* 2 of 4 rows read hold NaN, infinity or larger numbers, the first of them row 7",
        ),
        (stream_arrays(INPUTS, with_nan([7])), ValueError, "labels must be finite .* 1 of 4 rows .* row 7"),
        (stream_arrays(INPUTS, LABELS, weights=with_nan([7])[:, 1]), ValueError, "weights must be finite.* row 7"),
        (stream_arrays(INPUTS * 1e300, LABELS), ValueError, "inputs must be finite and fit into 32 bits"),
        (
            stream_arrays(INPUTS.astype(int) << 28, LABELS),
            ValueError,
            "inputs must be finite and fit into 32 bits, but 2 of 4 rows .* row 7",
        ),
        (
            stream_arrays(INPUTS, LABELS, weights=-LABELS),
            ValueError,
            "weights must be one number .* a minimum of -2",
        ),
        (stream_arrays(INPUTS, LABELS, weights=INPUTS), ValueError, r"weights must be one number .* \(4, 2\)"),
        (stream_arrays(INPUTS, LABELS - 2), ValueError, "labels must be class numbers from 0"),
        (stream_arrays(INPUTS, LABELS / 2), TypeError, r"labels of the shape \(4,\) must be integers"),
        (stream_arrays(INPUTS.astype(str), LABELS), TypeError, "inputs must be real numbers, got <U"),
        (stream_examples([INPUTS[0]] * 12), TypeError, "source must return a tuple .* got ndarray for row 2"),
        (stream_examples([(1, 2, 3, 4)] * 12), TypeError, "source must return a tuple .* got tuple for row 2"),
    ],
)
def test_invalid_examples_raise_errors_when_they_are_read(stream, error, message):
    with pytest.raises(error, match=message):
        read_rows(stream, np.array([9, 7, 3, 2]))


def test_exceptions_of_a_source_are_passed_on():
    class Broken(Examples):
        def __getitem__(self, row):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="^the disk is gone$"):
        read_rows(stream_examples(Broken(INPUTS)), np.array([1]))


def test_examples_with_and_without_weights_raise_an_error():
    mixed = [
        (row, label, 1.0)[: 2 + (number > 3)] for number, (row, label) in enumerate(zip(INPUTS, LABELS, strict=True))
    ]
    with pytest.raises(
        TypeError, match="tuples of one length, got 2 values for row 2 and 3 for row 5: return a weight"
    ):
        read_rows(stream_examples(mixed), np.array([5, 2]))
