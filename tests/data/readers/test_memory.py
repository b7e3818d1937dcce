"""Files that would exhaust the memory are refused by what they declare, before anything is allocated."""

import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxdl.data.readers import memory, tables
from jaxdl.data.readers.memory import check_expansion, check_file, physical_memory
from jaxdl.data.readers.npz import load_npz, read_arrays
from jaxdl.data.readers.tables import column_names, read_table, table_chunks


def test_the_memory_is_that_of_this_machine_or_unlimited_where_unknown(monkeypatch):
    assert 10**8 < physical_memory() < 10**15
    monkeypatch.delattr("os.sysconf")
    assert physical_memory() == sys.maxsize


@pytest.fixture
def suspicious(monkeypatch):
    """Suspect every file that expands to over 100 kB and over 250 times its size."""
    monkeypatch.setattr(memory, "UNSUSPICIOUS", 100_000)


def test_an_expansion_is_limited_by_the_memory_and_by_the_size_of_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(bytes(5 << 20))
    check_expansion(path, 1 << 30)
    check_expansion(path, 250 * 5 << 20)
    with pytest.raises(ValueError, match=r"a has 5,242,880 bytes but would need 1,310,720,001 bytes of memory"):
        check_expansion(path, (250 * 5 << 20) + 1)
    monkeypatch.setattr(memory, "physical_memory", lambda: 99)
    with pytest.raises(ValueError, match="a needs 100 bytes of memory, but this machine has 99: save fewer data"):
        check_expansion(path, 100)


def test_a_table_of_many_equal_numbers_is_refused_by_its_metadata(tmp_path, suspicious, monkeypatch):
    pq.write_table(pa.table({"x": np.zeros(100_000), "y": np.zeros(100_000)}), tmp_path / "a.parquet")
    monkeypatch.setattr(pq, "read_table", None)  # which must not be called
    with pytest.raises(ValueError, match=r"a.parquet has [\d,]+ bytes but would need 3,[23]\d\d,\d+ bytes of memory"):
        read_table(tmp_path / "a.parquet")


def test_a_long_text_in_many_rows_is_not_expanded(tmp_path, suspicious):
    pq.write_table(pa.table({"x": ["long" * 1000] * 10_000 + [None]}), tmp_path / "a.parquet")
    for read in (read_table, lambda path: list(table_chunks(path, numbers=[], dates=[], texts=["x"]))):
        with pytest.raises(ValueError, match=r"a.parquet has [\d,]+ bytes but would need 40,000,000 bytes of memory"):
            read(tmp_path / "a.parquet")


def test_arrays_that_were_zeros_are_refused_by_their_headers(tmp_path, suspicious):
    np.savez_compressed(tmp_path / "a.npz", inputs=np.zeros((5000, 50)), labels=np.zeros(5000, int))
    with pytest.raises(ValueError, match=r"a.npz has [\d,]+ bytes but would need 2,\d+,\d+ bytes of memory"):
        read_arrays(tmp_path / "a.npz")


def test_unequal_lengths_are_refused_by_the_headers_of_arrays(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", inputs=np.zeros((9, 2)), labels=np.zeros(8, int))
    np.savez(tmp_path / "b.npz", inputs=np.zeros(9), labels=np.zeros(9, int))
    monkeypatch.setattr("jaxdl.data.readers.npz.read_arrays", None)
    with pytest.raises(ValueError, match="labels must hold one row for each of the 9 inputs, got 8 rows"):
        load_npz(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"inputs must have the shape \(examples, ...\), got \(9,\)"):
        load_npz(tmp_path / "b.npz")


def test_a_table_of_too_many_columns_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_COLUMNS", 3)
    (tmp_path / "a.csv").write_text("a,b,c,d\n1,2,3,4\n")
    pq.write_table(pa.table({name: [1] for name in "abcd"}), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(ValueError, match="4 columns, and at most 3 are read: transpose it"):
            column_names(tmp_path / name)


def test_only_regular_files_are_read(tmp_path):
    loop, pipe = tmp_path / "loop.csv", tmp_path / "pipe.npz"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    with pytest.raises(FileNotFoundError, match=r"loop.csv is a link that leads to no file: replace it by a file\.$"):
        column_names(loop)
    with pytest.raises(ValueError, match=r"pipe.npz must be a regular file, but is a pipe, socket or device: save the"):
        load_npz(pipe)
    with pytest.raises(ValueError, match="must be a regular file, but is a folder"):
        check_file(tmp_path)
