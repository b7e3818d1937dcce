"""Parquet files whose texts are stored by their differences are read, and their memory is checked."""

import itertools

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxdl.data.readers import memory
from jaxdl.data.readers.tables import read_table, table_chunks


def batches(path):
    return table_chunks(path, numbers=[], dates=[], texts=["x"])


def test_texts_stored_by_their_differences_are_not_expanded(tmp_path, monkeypatch):
    """The metadata declare 40 kB. Each of the texts is new, so a dictionary of them is no smaller."""
    monkeypatch.setattr(memory, "UNSUSPICIOUS", 100_000)
    long = [f"{'long' * 250}{number}" for number in range(2000)]
    for name, texts in (("a.parquet", long), ("b.parquet", [text[-9:] for text in long])):
        table = pa.table({"x": texts})
        pq.write_table(table, tmp_path / name, use_dictionary=False, column_encoding={"x": "DELTA_BYTE_ARRAY"})
    assert pq.read_metadata(tmp_path / "a.parquet").row_group(0).total_byte_size < 40_000
    with pytest.raises(ValueError, match=r"a.parquet has [\d,]+ bytes but would need [\d,]+ bytes of memory"):
        read_table(tmp_path / "a.parquet")
    (rows,) = {len(next(iter(columns.values()))) for columns, _ in itertools.islice(batches(tmp_path / "a.parquet"), 3)}
    assert rows * 1000 < 100_000
    assert len(read_table(tmp_path / "b.parquet")["x"]) == 2000
    assert list(read_table(tmp_path / "b.parquet")["x"][:2]) == ["longlong0", "longlong1"]


def test_texts_of_every_encoding_are_read(tmp_path):
    for encoding in ("PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):
        table = pa.table({"x": ["a", None, "ab"]})
        pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False, column_encoding={"x": encoding})
        assert list(read_table(tmp_path / "a.parquet")["x"]) == ["a", None, "ab"]


def test_bytes_that_are_texts_are_read_as_texts(tmp_path):
    pq.write_table(pa.table({"x": pa.array(["ä".encode(), None], pa.binary())}), tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet")["x"]) == ["ä", None]
    assert [columns["x"].tolist() for columns, _ in batches(tmp_path / "a.parquet")] == [["ä", None]]
    pq.write_table(pa.table({"x": [b"\xff"]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="column 'x' .* holds text that is not UTF-8"):
        read_table(tmp_path / "b.parquet")
