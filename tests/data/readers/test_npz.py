import io
import os
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from jaxdl.data.readers import memory
from jaxdl.data.readers.npz import array_parts, array_types, has_labels, load_npz, load_npz_inputs, read_arrays
from tests.data.trap import Trap

STORED, DEFLATED, LZMA = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA
ZEROS = np.zeros((2, 2))
PAIRS = ["inputs labels", "x y", "X y", "images labels", "data target", "features targets"]
ARRAYS = {"params/layers.0": np.arange(12, dtype=np.uint8).reshape(3, 4), "a..b": np.arange(5, dtype=">i4")}
ARRAYS |= {"loss:b": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "日本": np.array([[1.5, -2]], ">f8").T}
ARRAYS |= {"0-d": np.array(3.0), "no rows": np.zeros((0, 7)), "empty": np.zeros((3, 0)), "c": np.array([1 + 2j])}
ARRAYS |= {"U": np.array(["", "日本", "é😀"]), "other": np.array(["ä", "bc"], ">U5"), "S": np.array([b"ab", b"c"])}
ARRAYS |= {"b": np.array([True, False]), "M": np.array(["2020-01-01", "NaT"], "M8[D]"), "f": np.ones(7, "f2")[::2]}


def npy(array):
    """Return the bytes of an .npy file."""
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def npy_with_header(description, payload=b""):
    """Return the bytes of an .npy file with this header."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(description)) + description + payload


def write_zip(path, members, compression=STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def rewrite(path, offset, content):
    """Overwrite bytes of the first member's record in the directory of the archive."""
    whole = bytearray(path.read_bytes())
    first = whole.index(b"PK\1\2") + offset
    whole[first : first + len(content)] = content
    path.write_bytes(whole)
    return path


def assert_rejected(path, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_arrays(path)
    assert path.name in str(raised.value)
    assert len(str(raised.value)) < 600


def save_and_load(folder, inputs, labels, **more):
    np.savez(folder / "a.npz", inputs=inputs, labels=labels, **more)
    return load_npz(folder / "a.npz")


@pytest.mark.parametrize("compression", [STORED, DEFLATED, LZMA])
def test_read_arrays_returns_the_saved_arrays_in_native_byte_order(tmp_path, compression):
    path = write_zip(tmp_path / "a.npz", {f"{name}.npy": npy(array) for name, array in ARRAYS.items()}, compression)
    read = read_arrays(path)
    assert list(read) == list(ARRAYS)
    for array, saved in zip(read.values(), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(array, saved.astype(saved.dtype.newbyteorder("=")), strict=True)
        assert array.flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_read_arrays_reads_only_the_named_arrays_of_numpys_archives(tmp_path, random, save):
    large = random.normal(size=(300, 70))  # of several blocks
    save(tmp_path / "a.npz", large=large, other=large[0])
    np.testing.assert_array_equal(read_arrays(str(tmp_path / "a.npz"))["large"], large)
    assert list(read_arrays(tmp_path / "a.npz", names=["other"])) == ["other"]
    assert read_arrays(tmp_path / "a.npz", names=[]) == {}
    with pytest.raises(ValueError, match=r"a.npz has no array 'third'. Arrays: large, other\."):
        read_arrays(tmp_path / "a.npz", names=["third"])


def test_types_are_read_from_the_headers(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((2, 3), ">f4"), y=np.int64(3))
    assert array_types(tmp_path / "a.npz") == {"x": ((2, 3), np.dtype(np.float32)), "y": ((), np.dtype(np.int64))}


def test_pickles_are_never_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap, objects = pickle.dumps(Trap()), np.array([Trap()])
    disguised = npy_with_header(b"{'descr': '|O', 'fortran_order': False, 'shape': (%d,)}" % (len(trap) // 8), trap)
    for name, content, message in [
        ("x.npy", npy(objects), "array 'x' of .* must hold numbers or text, got object"),
        ("x.npy", disguised, "array 'x' of .* must hold numbers or text, got object"),
        ("x.npy", npy(np.zeros(1, [("a", "f4")])), "array 'x' of .* must hold numbers or text, got .*'a', '<f4'"),
        ("x.npy", trap, "array 'x' of .* is not an .npy file, or is damaged"),
        ("x.pkl", trap, r"must hold only arrays \(.npy\), but holds 'x.pkl'"),
    ]:
        assert_rejected(write_zip(tmp_path / "a.npz", {name: content}), message)
        with pytest.raises(ValueError, match=r"a\.npz"):
            load_npz(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(trap)
    assert_rejected(tmp_path / "a.npz", "is not an .npz archive, or is damaged")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_missing_files_single_arrays_and_truncated_archives_raise_errors(tmp_path):
    for read in (read_arrays, load_npz, array_parts):
        with pytest.raises(FileNotFoundError, match="there is no file .*a.npz"):
            read(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(npy(np.arange(3)))
    assert_rejected(tmp_path / "a.npz", r"must be an archive of named arrays, but is a single array: .*np.savez")
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(9), y=np.arange(3))
    for end in reversed(range(len((tmp_path / "a.npz").read_bytes()))):
        os.truncate(tmp_path / "a.npz", end)
        assert_rejected(tmp_path / "a.npz", "is not an .npz archive, or is damaged")


@pytest.mark.parametrize("compression", [STORED, DEFLATED, LZMA])
def test_a_flipped_bit_never_silently_changes_or_hides_an_array(tmp_path, random, compression):
    saved = {"x": random.integers(0, 9, (5, 3), np.uint8), "y": np.arange(5), "names": np.array(["a", "bé"])}
    path = write_zip(tmp_path / "a.npz", {f"{name}.npy": npy(array) for name, array in saved.items()}, compression)
    whole, found = path.read_bytes(), 0
    hidden = 8 * whole.index(b"PK\1\2") + 261  # makes all other members part of the first member's comment
    for bit in [hidden, *random.integers(0, 8 * len(whole), 200)]:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            read = read_arrays(path)
        except ValueError:
            found += 1
            continue
        assert read.keys() == saved.keys()
        for name in saved:
            np.testing.assert_array_equal(read[name], saved[name], strict=True)
    assert found > 100


def test_the_error_names_the_array_with_a_wrong_checksum(tmp_path):
    path = write_zip(tmp_path / "a.npz", {"x.npy": npy(np.arange(99)), "y.npy": npy(np.full(99_000, 77, np.uint8))})
    path.write_bytes(path.read_bytes()[::-1].replace(b"MMM", b"MNM", 1)[::-1])  # the last occurrence
    assert_rejected(path, "array 'y' of .*a.npz is damaged.*Bad CRC-32")
    assert read_arrays(path, names=["x"])["x"].tolist() == list(range(99))


NO_HEADERS = [b"", b"{", b"{}", b"[]", b"\xff\0", b"(" * 9000, b"-" * 9000 + b"1", b"9" * 9999, b" " * 20_000]
SHAPED = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%s)}"
FORGED = [SHAPED % shape for shape in (b"5,", b"3,", b"-4,", b"-2, -2", b"0, 4", b"4294967296, 4294967296")]
TYPED = b"{'descr': %s, 'fortran_order': False, 'shape': (1,)}"  # the payload is not a valid character of <U1
NO_HEADERS += [SHAPED % b"2**40,", SHAPED % b"1.0", SHAPED % b"open('unpickled', 'w'),"]
NO_HEADERS += [TYPED % b"'nothing'", TYPED % b"5"]
MESSAGES = [(header, "is not an .npy file, or is damaged") for header in NO_HEADERS]
MESSAGES += [(header, "must have .* bytes by its shape .*, but the archive records") for header in FORGED]
NO_TYPES = (b"'<U0'", b"'|V4'", b"('|u1', (4,))", b"'u1,u1,u1,u1'")
MESSAGES += [(TYPED % b"'<U1'", "is damaged"), *((TYPED % kind, "must hold numbers or text") for kind in NO_TYPES)]


@pytest.mark.parametrize(("header", "message"), MESSAGES)
def test_an_invalid_header_is_rejected_before_memory_is_allocated(tmp_path, header, message):
    tracemalloc.start()
    content = npy_with_header(header, b"" if b"U0" in header else b"\xff\xff\xff\xff")
    assert_rejected(write_zip(tmp_path / "a.npz", {"x.npy": content}), rf"array 'x' of \S* {message}")
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["/x.npy", "../x.npy", "a/../../x.npy", "..\\x.npy", "a\\x.npy", "C:x.npy", "x\0.npy"])
def test_a_member_name_that_leaves_the_folder_is_rejected(tmp_path, name):
    placeholder = "_" * len(name)
    path = write_zip(tmp_path / "a.npz", {placeholder: npy(np.arange(3))})
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), name.encode()))
    assert_rejected(path, "is unsafe: the member .* would lie outside of its folder")


def test_members_that_are_not_arrays_or_duplicates_or_unsupported_are_rejected(tmp_path):
    array = npy(np.arange(3))
    for name in ("README.txt", "x", "folder/", "x.NPY"):
        path = write_zip(tmp_path / "a.npz", {"x.npy": array, name: b""})
        assert_rejected(path, r"must hold only arrays \(.npy\), but holds")
    path = write_zip(tmp_path / "a.npz", {"x.npy": array, "y.npy": array})
    path.write_bytes(path.read_bytes().replace(b"y.npy", b"x.npy"))
    assert_rejected(path, "holds 'x.npy' more than once")
    path = write_zip(tmp_path / "a.npz", {"x.npy": array}, zipfile.ZIP_BZIP2)
    assert_rejected(path, "'x.npy' is compressed by method 12: save it with np.savez_compressed")
    path = rewrite(write_zip(tmp_path / "a.npz", {"x.npy": array}), 8, b"\1")
    assert_rejected(path, "'x.npy' is encrypted: save it with np.savez_compressed")


def test_inflation_stops_at_the_recorded_size_and_missing_bytes_raise_an_error(tmp_path):
    """The checksum is right in both cases."""
    array = npy(np.zeros(1000, np.uint8))
    path = write_zip(tmp_path / "a.npz", {"x.npy": array + bytes(30_000_000)}, DEFLATED)
    rewrite(rewrite(path, 16, struct.pack("<I", zlib.crc32(array))), 24, struct.pack("<I", len(array)))
    tracemalloc.start()
    assert read_arrays(path)["x"].shape == (1000,)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    path = rewrite(write_zip(tmp_path / "a.npz", {"x.npy": array[:-10]}, DEFLATED), 24, struct.pack("<I", len(array)))
    assert_rejected(path, r"array 'x' of .* is damaged \(10 bytes are missing\)")


def test_arrays_that_do_not_fit_into_memory_raise_an_error(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**6), y=np.arange(3))
    monkeypatch.setattr(memory, "physical_memory", lambda: 10**6)
    assert_rejected(tmp_path / "a.npz", "a.npz needs 8,000,280 bytes of memory, but this machine has 1,000,000")
    assert read_arrays(tmp_path / "a.npz", names=["y"])["y"].tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:.* holds arrays that are not read")
def test_load_npz_reads_the_first_known_pair_of_names(tmp_path):
    arrays = {"weights": np.array([1, 2])}
    for number, pair in reversed(list(enumerate([*PAIRS, "x_train y_train"]))):
        inputs, labels = pair.split()
        arrays[inputs], arrays[labels] = np.full((2, 1), number), np.array([number, number])
        np.savez(tmp_path / "a.npz", **arrays)
        divided = number == len(PAIRS)
        assert array_parts(tmp_path / "a.npz") == (("train",) if divided else ())
        for part in ("train",) if divided else ("train", "test"):
            read = load_npz(tmp_path / "a.npz", part=part)
            assert read.inputs.dtype == np.float32
            assert (read.inputs.tolist(), read.labels.tolist()) == ([[number]] * 2, [number] * 2)
            assert read.weights.tolist() == ([1, 1] if divided else [1, 2])


def test_arrays_that_are_not_read_are_reported_once(tmp_path):
    parts = {"x_train": np.ones((2, 1)), "y_train": [0, 1], "x_test": np.ones((2, 1)), "y_test": [0, 1]}
    np.savez(tmp_path / "a.npz", **parts, weights=[1, 0])
    with pytest.warns(UserWarning, match="arrays that are not read: 'weights'; .* have the name 'weights_train'"):
        load_npz(tmp_path / "a.npz")
    load_npz(tmp_path / "a.npz", part="test")
    np.savez(tmp_path / "a.npz", **parts, weights_test=[1, 0])
    load_npz(tmp_path / "a.npz")


def test_byte_images_are_scaled_and_get_a_channel_axis_and_other_inputs_stay(tmp_path, random):
    for shape, scaled in [((2, 4, 5), (2, 4, 5, 1)), ((2, 4, 5, 1), (2, 4, 5, 1)), ((2, 4, 5, 3), (2, 4, 5, 3))]:
        images = random.integers(0, 256, shape, np.uint8)
        expected = (images / 255).astype(np.float32).reshape(scaled)
        np.testing.assert_array_equal(np.asarray(save_and_load(tmp_path, images, [0, 1]).inputs), expected, strict=True)
    for shape, dtype in [((2, 3), np.uint8), ((2, 4, 5), float), ((2, 4, 5, 2), int), ((2, 3, 5, 3), float)]:
        inputs = np.full(shape, 200, dtype)
        np.testing.assert_array_equal(save_and_load(tmp_path, inputs, [0, 1]).inputs, inputs)
    for inputs in (np.zeros((2, 1, 28, 28), np.uint8), np.zeros((2, 3, 32, 32), np.float32)):
        with pytest.raises(ValueError, match=r"images of .*a.npz must have .*: save inputs.transpose\(0, 2, 3, 1\)"):
            save_and_load(tmp_path, inputs, [0, 1])


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        *[(np.array(kept), kept) for kept in ([3, 0, 7], ["b", "a", "é"], [True, False, True])],
        *[(np.array(kept)[:, None], kept) for kept in ([3, 0, 7], ["b", "a", "é"], [True, False, True])],
        (np.char.encode(["b", "a", "é"], "utf-8"), ["b", "a", "é"]),
        *[(np.eye(3, dtype=dtype)[[2, 0, 0]], [2, 0, 0]) for dtype in (np.uint8, np.float32, bool, int)],
        *[(np.array(targets), [[t] for t in targets]) for targets in ([0.5, 1, 2], [1e300, 1e-300, 1])],
        *[(np.array(rows * 3), rows * 3) for rows in ([[1.0]], [[0.5, 0.5]], [[2, 0]], [[1, 1]], [[2, -1]])],
    ],
)
def test_labels_become_class_numbers_names_or_targets(tmp_path, labels, read):
    assert save_and_load(tmp_path, np.zeros((3, 2)), labels).labels.tolist() == read


@pytest.mark.parametrize(
    ("inputs", "labels", "more", "message"),
    [
        (ZEROS, [0, 1, 2], {}, "labels must hold one row for each of the 2 inputs, got 3 rows"),
        (ZEROS, ["a"], {}, "labels must hold one row for each of the 2 inputs, got 1 rows"),
        (np.array([[0.0], [np.nan], [np.inf]]), [0, 1, 2], {}, "inputs must be finite, .* 2 of 3 .* row 1"),
        (ZEROS, [0.5, np.nan], {}, "labels must be finite, .* row 1"),
        (ZEROS, [0, 1], {"weights": [1, 2, 3]}, "weights must hold one row for each of the 2"),
        (ZEROS[0], [0, 1], {}, r"inputs must have the shape \(examples, ...\)"),
        (ZEROS, 3, {}, "labels must hold one row for each of the 2 inputs, got a single number"),
        (ZEROS, [1j, 2j], {}, "labels of .* got complex128"),
        (ZEROS, [["a", "b"]] * 2, {}, r"labels of .* got <U1 \(2, 2\)"),
        (ZEROS, [b"a", b"\xff"], {}, "labels of .*a.npz are not UTF-8 text"),
    ],
)
def test_invalid_data_sets_raise_errors(tmp_path, inputs, labels, more, message):
    with pytest.raises(ValueError, match=message):
        save_and_load(tmp_path, inputs, labels, **more)


def test_inputs_without_labels_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", x_test=np.full((1, 2, 2), 255, np.uint8), other=np.zeros(3))
    assert not has_labels(tmp_path / "a.npz")
    assert load_npz_inputs(tmp_path / "a.npz").tolist() == [[[[1], [1]], [[1], [1]]]]
    with pytest.raises(ValueError, match=r"under one of the names inputs, x, .*, x_train. It holds x_test uint8"):
        load_npz_inputs(tmp_path / "a.npz", part="train")
    assert has_labels(write_zip(tmp_path / "a.npz", {"x_test.npy": npy(ZEROS), "y_test.npy": npy(ZEROS)}))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_published_mnist_archives_are_read(data_dir, name):
    path = data_dir / f"{name}.npz"
    assert array_parts(path) == ("train", "test")
    read = load_npz(path, part="test")
    with np.load(path) as arrays:
        np.testing.assert_array_equal(np.round(np.asarray(read.inputs)[..., 0] * 255), arrays["x_test"])
        np.testing.assert_array_equal(read.labels, arrays["y_test"])
