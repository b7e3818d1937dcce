import io
import os
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from jaxdl.data.readers import npz
from jaxdl.data.readers.npz import array_parts, load_npz, physical_memory, read_arrays

STORED, DEFLATED, LZMA = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA
ZEROS = np.zeros((2, 2))
PAIRS = ["inputs labels", "x y", "X y", "images labels", "data target", "features targets"]
ARRAYS = {"params/layers.0": np.arange(12, dtype=np.uint8).reshape(3, 4), "a..b": np.arange(5, dtype=">i4")}
ARRAYS |= {"loss:b": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "日本": np.array([[1.5, -2]], ">f8").T}
ARRAYS |= {"0-d": np.array(3.0), "none": np.zeros((0, 7)), "empty": np.zeros((3, 0)), "c": np.array([1 + 2j])}
ARRAYS |= {"U": np.array(["", "日本", "é😀"]), "other": np.array(["ä", "bc"], ">U5"), "S": np.array([b"ab", b"c"])}
ARRAYS |= {"b": np.array([True, False]), "M": np.array(["2020-01-01", "NaT"], "M8[D]"), "f": np.ones(7, "f2")[::2]}


class Trap:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return open, ("sprung", "w")


def npy(array):
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def headed(description, payload=b""):
    """The bytes of an array whose header says this."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(description)) + description + payload


def packed(path, members, compression=STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def rewrite(path, place, content):
    """Other bytes at this place of the record in which the directory of the archive tells of the first member."""
    whole = bytearray(path.read_bytes())
    first = whole.index(b"PK\1\2") + place
    whole[first : first + len(content)] = content
    path.write_bytes(whole)
    return path


def refused(path, sentence):
    with pytest.raises(ValueError, match=sentence) as told:
        read_arrays(path)
    assert path.name in str(told.value)
    assert len(str(told.value)) < 600


def loaded(folder, inputs, labels, **more):
    np.savez(folder / "a.npz", inputs=inputs, labels=labels, **more)
    return load_npz(folder / "a.npz")


@pytest.mark.parametrize("compression", [STORED, DEFLATED, LZMA])
def test_arrays_are_those_that_were_saved_in_the_byte_order_of_the_machine(tmp_path, compression):
    path = packed(tmp_path / "a.npz", {f"{name}.npy": npy(array) for name, array in ARRAYS.items()}, compression)
    read = read_arrays(path)
    assert list(read) == list(ARRAYS)
    for array, saved in zip(read.values(), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(array, saved.astype(saved.dtype.newbyteorder("=")), strict=True)
        assert array.flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_is_read_and_what_is_not_wanted_is_not(tmp_path, random, save):
    large = random.normal(size=(300, 70))  # of several blocks
    save(tmp_path / "a.npz", large=large, other=large[0])
    np.testing.assert_array_equal(read_arrays(str(tmp_path / "a.npz"))["large"], large)
    assert list(read_arrays(tmp_path / "a.npz", names=["other"])) == ["other"]
    assert read_arrays(tmp_path / "a.npz", names=[]) == {}
    with pytest.raises(ValueError, match=r"names must be arrays of .*a.npz \(large, other\), but 'third' is none"):
        read_arrays(tmp_path / "a.npz", names=["third"])


def test_no_pickle_is_ever_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap, objects = pickle.dumps(Trap()), np.array([Trap()])
    disguised = headed(b"{'descr': '|O', 'fortran_order': False, 'shape': (%d,)}" % (len(trap) // 8), trap)
    for name, content, sentence in [
        ("x.npy", npy(objects), "array 'x' of .* must hold numbers or text, but holds object"),
        ("x.npy", disguised, "array 'x' of .* must hold numbers or text, but holds object"),
        ("x.npy", npy(np.zeros(1, [("a", "f4")])), "array 'x' of .* must hold numbers or text, but holds .*'a', '<f4'"),
        ("x.npy", trap, "array 'x' of .* must be a whole .npy file"),
        ("x.pkl", trap, r"must hold arrays \(.npy\) and nothing else, but holds 'x.pkl'"),
    ]:
        refused(packed(tmp_path / "a.npz", {name: content}), sentence)
        with pytest.raises(ValueError, match=r"a\.npz"):
            load_npz(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(trap)
    refused(tmp_path / "a.npz", "must be a whole .npz archive")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_no_file_and_a_single_array_and_a_file_that_is_cut_off_anywhere_are_told(tmp_path):
    for read in (read_arrays, load_npz, array_parts):
        with pytest.raises(FileNotFoundError, match="an archive must be a file .npz, but .*a.npz is none"):
            read(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(npy(np.arange(3)))
    refused(tmp_path / "a.npz", r"must be an archive of arrays with names, but is a single array: .*np.savez")
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(9), y=np.arange(3))
    for end in reversed(range(len((tmp_path / "a.npz").read_bytes()))):
        os.truncate(tmp_path / "a.npz", end)
        refused(tmp_path / "a.npz", "must be a whole .npz archive, but is damaged, cut off or none")


@pytest.mark.parametrize("compression", [STORED, DEFLATED, LZMA])
def test_a_bit_that_is_flipped_never_changes_or_hides_an_array_in_silence(tmp_path, random, compression):
    saved = {"x": random.integers(0, 9, (5, 3), np.uint8), "y": np.arange(5), "names": np.array(["a", "bé"])}
    path = packed(tmp_path / "a.npz", {f"{name}.npy": npy(array) for name, array in saved.items()}, compression)
    whole, found = path.read_bytes(), 0
    hidden = 8 * whole.index(b"PK\1\2") + 261  # the others would be the comment of the first
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


def test_the_array_with_a_wrong_checksum_is_named(tmp_path):
    path = packed(tmp_path / "a.npz", {"x.npy": npy(np.arange(99)), "y.npy": npy(np.full(99_000, 77, np.uint8))})
    path.write_bytes(path.read_bytes()[::-1].replace(b"MMM", b"MNM", 1)[::-1])  # the last
    refused(path, "array 'y' of .*a.npz must be .*damaged.*Bad CRC-32")
    assert read_arrays(path, names=["x"])["x"].tolist() == list(range(99))


NO_HEADERS = [b"", b"{", b"{}", b"[]", b"\xff\0", b"(" * 9000, b"-" * 9000 + b"1", b"9" * 9999, b" " * 20_000]
SHAPED = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%s)}"
NO_HEADERS += [SHAPED % shape for shape in (b"2**40,", b"1.0", b"open('sprung', 'w'),")]
FORGED = [SHAPED % shape for shape in (b"5,", b"3,", b"-4,", b"-2, -2", b"0, 4", b"4294967296, 4294967296")]
TYPED = b"{'descr': %s, 'fortran_order': False, 'shape': (1,)}"  # of U0 nothing need be there, of U1 no character is
SENTENCES = [(header, "be a whole .npy file") for header in [*NO_HEADERS, TYPED % b"'nothing'", TYPED % b"5"]]
SENTENCES += [(header, "have the .* bytes that the archive tells") for header in FORGED]
NO_TYPES = (b"'<U0'", b"'|V4'", b"('|u1', (4,))", b"'u1,u1,u1,u1'")
SENTENCES += [(TYPED % b"'<U1'", "be whole"), *((TYPED % kind, "hold numbers or text") for kind in NO_TYPES)]


@pytest.mark.parametrize(("header", "sentence"), SENTENCES)
def test_a_header_that_is_none_or_not_true_is_refused_before_space_is_made(tmp_path, header, sentence):
    tracemalloc.start()
    content = headed(header, b"" if b"U0" in header else b"\xff\xff\xff\xff")
    refused(packed(tmp_path / "a.npz", {"x.npy": content}), f"array 'x' of .* must {sentence}")
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["/x.npy", "../x.npy", "a/../../x.npy", "..\\x.npy", "a\\x.npy", "C:x.npy", "x\0.npy"])
def test_a_name_that_leaves_its_folder_is_refused(tmp_path, name):
    placeholder = "_" * len(name)
    path = packed(tmp_path / "a.npz", {placeholder: npy(np.arange(3))})
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), name.encode()))
    refused(path, "must hold names that stay in their folder")


def test_members_that_are_no_array_or_one_twice_or_cannot_be_unpacked_are_refused(tmp_path):
    array = npy(np.arange(3))
    for name in ("README.txt", "x", "folder/", "x.NPY"):
        path = packed(tmp_path / "a.npz", {"x.npy": array, name: b""})
        refused(path, r"must hold arrays \(.npy\) and nothing else, but holds")
    path = packed(tmp_path / "a.npz", {"x.npy": array, "y.npy": array})
    path.write_bytes(path.read_bytes().replace(b"y.npy", b"x.npy"))
    refused(path, "must hold each array once, but holds 'x.npy' more than once")
    path = packed(tmp_path / "a.npz", {"x.npy": array}, zipfile.ZIP_BZIP2)
    refused(path, "'x.npy' is packed by method 12: save it with np.savez_compressed")
    path = rewrite(packed(tmp_path / "a.npz", {"x.npy": array}), 8, b"\1")
    refused(path, "'x.npy' is encrypted: save it with np.savez_compressed")


def test_more_than_the_archive_tells_is_not_inflated_and_less_is_told(tmp_path):
    """The checksum is right in both."""
    array = npy(np.zeros(1000, np.uint8))
    path = packed(tmp_path / "a.npz", {"x.npy": array + bytes(30_000_000)}, DEFLATED)
    rewrite(rewrite(path, 16, struct.pack("<I", zlib.crc32(array))), 24, struct.pack("<I", len(array)))
    tracemalloc.start()
    assert read_arrays(path)["x"].shape == (1000,)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    path = rewrite(packed(tmp_path / "a.npz", {"x.npy": array[:-10]}, DEFLATED), 24, struct.pack("<I", len(array)))
    refused(path, r"array 'x' of .* must be whole, but is damaged \(10 bytes are missing\)")


def test_arrays_that_do_not_fit_into_memory_are_told(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**6), y=np.arange(3))
    assert physical_memory() > 10**8
    monkeypatch.setattr(npz, "physical_memory", lambda: 10**6)
    refused(tmp_path / "a.npz", "arrays of .*a.npz must fit into memory, 1,000,000 bytes, but take 8,000,280")
    assert read_arrays(tmp_path / "a.npz", names=["y"])["y"].tolist() == [0, 1, 2]


def test_of_the_usual_pairs_of_names_the_first_is_taken(tmp_path):
    arrays = {"weights": np.array([1, 2]), "other": np.zeros(7)}
    for place, pair in reversed(list(enumerate([*PAIRS, "x_train y_train"]))):
        inputs, labels = pair.split()
        arrays[inputs], arrays[labels] = np.full((2, 1), place), np.array([place, place])
        np.savez(tmp_path / "a.npz", **arrays)
        divided = place == len(PAIRS)
        assert array_parts(tmp_path / "a.npz") == (("train",) if divided else ())
        for part in ("train",) if divided else ("train", "test"):
            read = load_npz(tmp_path / "a.npz", part=part)
            assert read.inputs.dtype == np.float32
            assert (read.inputs.tolist(), read.labels.tolist()) == ([[place]] * 2, [place] * 2)
            assert read.weights.tolist() == ([1, 1] if divided else [1, 2])


def test_parts_are_found_by_their_names(tmp_path):
    train = {"x_train": np.eye(3), "y_train": np.array([0, 1, 2]), "weights_train": np.array([1, 2, 3])}
    np.savez(tmp_path / "a.npz", **train, x_test=np.eye(3)[:2], y_test=np.array([2, 1]))
    assert array_parts(tmp_path / "a.npz") == ("train", "test")
    assert load_npz(tmp_path / "a.npz").weights.tolist() == [1, 2, 3]
    assert load_npz(tmp_path / "a.npz", part="test").labels.tolist() == [2, 1]
    np.savez(tmp_path / "a.npz", **train)
    with pytest.raises(ValueError, match=r"; x_test and y_test; but holds x_train float64 \(3, 3\), y_train"):
        load_npz(tmp_path / "a.npz", part="test")
    with pytest.raises(ValueError, match="part must be 'train' or 'test', but was 'dev'"):
        load_npz(tmp_path / "a.npz", part="dev")
    np.savez(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="inputs and labels; x and y; .*but holds nothing: rename them"):
        load_npz(tmp_path / "a.npz")


def test_bytes_of_images_are_scaled_to_one_and_get_a_channel_and_all_else_is_kept(tmp_path, random):
    for shape, scaled in [((2, 4, 5), (2, 4, 5, 1)), ((2, 4, 5, 1), (2, 4, 5, 1)), ((2, 4, 5, 3), (2, 4, 5, 3))]:
        images = random.integers(0, 256, shape, np.uint8)
        expected = (images / 255).astype(np.float32).reshape(scaled)
        np.testing.assert_array_equal(np.asarray(loaded(tmp_path, images, [0, 1]).inputs), expected, strict=True)
    for shape, dtype in [((2, 3), np.uint8), ((2, 4, 5), float), ((2, 4, 5, 2), int), ((2, 3, 5, 3), float)]:
        inputs = np.full(shape, 200, dtype)
        np.testing.assert_array_equal(loaded(tmp_path, inputs, [0, 1]).inputs, inputs)
    for inputs in (np.zeros((2, 1, 28, 28), np.uint8), np.zeros((2, 3, 32, 32), np.float32)):
        with pytest.raises(ValueError, match=r"images of .*a.npz must have .*: save inputs.transpose\(0, 2, 3, 1\)"):
            loaded(tmp_path, inputs, [0, 1])


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
def test_labels_are_class_numbers_names_or_targets(tmp_path, labels, read):
    assert loaded(tmp_path, np.zeros((3, 2)), labels).labels.tolist() == read


@pytest.mark.parametrize(
    ("inputs", "labels", "more", "sentence"),
    [
        (ZEROS, [0, 1, 2], {}, "labels must hold one row for each of the 2 inputs, but hold 3"),
        (ZEROS, ["a"], {}, "labels must hold one row for each of the 2 inputs, but hold 1"),
        (np.array([[0.0], [np.nan], [np.inf]]), [0, 1, 2], {}, "inputs must be finite, .* 2 of 3 .* row 1"),
        (ZEROS, [0.5, np.nan], {}, "labels must be finite, .* row 1"),
        (ZEROS, [0, 1], {"weights": [1, 2, 3]}, "weights must hold one row for each of the 2"),
        (ZEROS[0], [0, 1], {}, r"inputs must have the shape \(examples, ...\)"),
        (ZEROS, 3, {}, r"labels of .* must be class numbers or names .*, but are int64 \(\)"),
        (ZEROS, [1j, 2j], {}, "labels of .* but are complex128"),
        (ZEROS, [["a", "b"]] * 2, {}, r"labels of .* but are <U1 \(2, 2\)"),
        (ZEROS, [b"a", b"\xff"], {}, "labels of .*a.npz must be text in UTF-8, but are not"),
    ],
)
def test_arrays_that_are_no_data_set_are_told(tmp_path, inputs, labels, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        loaded(tmp_path, inputs, labels, **more)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_genuine_archives_are_read(data_dir, name):
    path = data_dir / f"{name}.npz"
    assert array_parts(path) == ("train", "test")
    read = load_npz(path, part="test")
    with np.load(path) as arrays:
        np.testing.assert_array_equal(np.round(np.asarray(read.inputs)[..., 0] * 255), arrays["x_test"])
        np.testing.assert_array_equal(read.labels, arrays["y_test"])
