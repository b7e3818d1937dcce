import gzip
import io
import struct
import tarfile
import time
import tracemalloc

import numpy as np
import pytest

from jaxdl.data.catalog.image_formats import gunzip, read_cifar10, read_idx

ROWS = 3
BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)]


def idx(array, *, magic=None, lengths=None):
    words = [0x800 + array.ndim if magic is None else magic, *(array.shape if lengths is None else lengths)]
    return struct.pack(f">{len(words)}I", *words) + array.tobytes()


def tar(files, **options):
    """Return a tar file with these contents; options are attributes of every member."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            for attribute, value in options.items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def batch(random, rows=ROWS):
    table = random.integers(0, 256, (rows, 3073), dtype=np.uint8)
    table[:, 0] %= 10
    return table


def test_damaged_gz_files_raise_errors():
    whole = gzip.compress(bytes(range(256)) * 9)
    assert gunzip(whole, limit=2304) == bytes(range(256)) * 9
    for damaged in (b"", b"\x1f\x8b", b"not compressed", whole[:-1], whole[:20], whole + b"more"):
        with pytest.raises(ValueError, match="the .gz file is (damaged|truncated|followed by other bytes)"):
            gunzip(damaged, limit=10_000)
    tampered = bytearray(whole)
    tampered[-8] ^= 1  # in the CRC-32
    with pytest.raises(ValueError, match="incorrect data check"):
        gunzip(bytes(tampered), limit=10_000)


def test_a_decompression_bomb_is_rejected_without_taking_memory():
    bomb = gzip.compress(bytes(50_000_000), 9)
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="inflates to more than the expected 1000000 bytes"):
        gunzip(bomb, limit=1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    assert len(gunzip(bomb, limit=50_000_000)) == 50_000_000
    with pytest.raises(ValueError, match="more than the expected 49999999 bytes"):
        gunzip(bomb, limit=49_999_999)


@pytest.mark.parametrize("shape", [(7,), (7, 4, 5), (0, 4, 5)])
def test_an_idx_file_is_decoded(random, shape):
    array = random.integers(0, 256, shape, dtype=np.uint8)
    read = read_idx(gzip.compress(idx(array)), shape=shape)
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (idx(np.zeros((7, 4, 5), np.uint8), magic=0x0D03), "must begin with 00000803 00000007 00000004 00000005, got"),
        (idx(np.zeros((7, 4, 5), np.uint8), magic=0x01000803), "got 01000803"),
        (idx(np.zeros((7, 4, 5), np.uint8), lengths=(8, 4, 5)), "got 00000803 00000008"),
        (idx(np.zeros((7, 4, 5), np.uint8), lengths=(7, 5, 4)), "must begin with"),
        (idx(np.zeros((7, 4, 5), np.uint8), lengths=(2**32 - 1,) * 3), "got 00000803 ffffffff"),
        (idx(np.zeros(7, np.uint8)), "got 00000801 00000007"),
        (idx(np.zeros((7, 4, 5), np.uint8))[:-1], r"must hold 156 bytes, got 155"),
        (idx(np.zeros((7, 4, 5), np.uint8))[:10], "must begin with"),
        (idx(np.zeros((7, 4, 5), np.uint8)) + b"\0", "more than the expected 156 bytes"),
        (b"", "must begin with"),
    ],
)
def test_an_idx_file_with_another_header_or_length_raises_an_error(content, match):
    with pytest.raises(ValueError, match=match):
        read_idx(gzip.compress(content), shape=(7, 4, 5))


def test_cifar_batches_are_read_in_the_given_order_with_channels_last(random):
    tables = {name: batch(random) for name in (*BATCHES, "test_batch.bin")}
    scattered = {name: tables[name].tobytes() for name in sorted(tables, key=lambda name: name[::-1])}
    archive = gzip.compress(tar({"batches.meta.txt": b"airplane\n", **scattered}))
    images, labels = read_cifar10(archive, batches=BATCHES, rows=ROWS)
    assert images.shape == (5 * ROWS, 32, 32, 3)
    assert images.dtype == labels.dtype == np.uint8
    assert labels.tolist() == [row[0] for name in BATCHES for row in tables[name].tolist()]
    last = tables["data_batch_5.bin"][-1]
    for channel, row, column in [(0, 0, 0), (1, 2, 3), (2, 31, 30)]:
        assert images[-1, row, column, channel] == last[1 + 1024 * channel + 32 * row + column]
    assert read_cifar10(archive, batches=["test_batch.bin"], rows=ROWS)[1].tolist() == [*tables["test_batch.bin"][:, 0]]


def test_cifar_with_a_missing_batch_another_size_or_a_link_raises_an_error(random):
    whole = batch(random).tobytes()
    for archive in (
        tar({"data_batch_1.bin": whole}),
        tar({"test_batch.bin": whole[:-1]}),
        tar({"test_batch.bin": whole + b"\0"}),
        tar({"test_batch.bin": whole}, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        tar({"test_batch.bin": b""}),
        tar({"../test_batch.bin": whole}),
    ):
        with pytest.raises(ValueError, match="the CIFAR-10 archive has no plain file test_batch.bin of 9219 bytes"):
            read_cifar10(gzip.compress(archive), batches=["test_batch.bin"], rows=ROWS)


def test_cifar_with_a_label_out_of_range_raises_an_error(random):
    table = batch(random)
    table[1, 0] = 10
    with pytest.raises(ValueError, match="labels of CIFAR-10 must be from 0 to 9, got 10"):
        read_cifar10(gzip.compress(tar({"a": table.tobytes()})), batches=["a"], rows=ROWS)


def test_a_damaged_or_oversized_tar_file_raises_an_error(random):
    whole = tar({"test_batch.bin": batch(random).tobytes()})
    for damaged in (b"", b"not a tar file" * 100, whole[:5000]):
        with pytest.raises(ValueError, match="the .tar file is damaged"):
            read_cifar10(gzip.compress(damaged), batches=["test_batch.bin"], rows=ROWS)
    with pytest.raises(ValueError, match="inflates to more than the expected 1103890 bytes"):  # six batches and 1 MiB
        read_cifar10(gzip.compress(whole + bytes(1_200_000)), batches=["test_batch.bin"], rows=ROWS)


def signed(header):
    """Return a header of a tar file with the right checksum."""
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    return header[:148] + b"%06o\0 " % total + header[156:]


def test_reading_a_tar_file_with_negative_or_huge_sizes_ends(random):
    whole = tar({"batches.meta.txt": b"", "data_batch_1.bin": batch(random).tobytes()})
    first, header, rest = whole[:512], whole[512:1024], whole[1024:]
    start = time.perf_counter()
    for size in (-512, -1024, -100_000, 2**80):
        word = b"\xff" + (256**11 + size).to_bytes(11, "big") if size < 0 else b"\x80" + size.to_bytes(11, "big")
        for kind in (b"0", b"L", b"x", b"S"):
            damaged = signed(header[:124] + word + header[136:156] + kind + header[157:])
            with pytest.raises(ValueError, match="the .tar file is damaged|has no plain file"):
                read_cifar10(gzip.compress(first + damaged + rest), batches=["test_batch.bin"], rows=ROWS)
    assert time.perf_counter() - start < 5


def test_a_sparse_batch_takes_no_memory(random):
    """A sparse file records its length, and need not hold a byte of it."""
    whole = tar({"test_batch.bin": batch(random).tobytes()})
    holes = b"%011o\0%011o\0" % (0, 512) + bytes(73)
    header = signed(whole[:156] + b"S" + whole[157:386] + holes + b"%011o\0" % 300_000_000 + whole[495:512])
    tracemalloc.start()
    with pytest.raises(ValueError, match="has no plain file test_batch.bin of 9219 bytes"):
        read_cifar10(gzip.compress(header + whole[512:]), batches=["test_batch.bin"], rows=ROWS)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_random_damage_is_harmless_or_raises_value_error(random):
    """Random bytes replace bytes in the headers of a tar file and of an IDX file."""
    archive = tar({"test_batch.bin": batch(random).tobytes()})
    numbers = gzip.compress(idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)))
    outcomes = set()
    for _ in range(300):
        changed, compressed = bytearray(archive), bytearray(numbers)
        for _ in range(2):
            changed[random.integers(512)] = random.integers(256)
            compressed[random.integers(len(compressed))] = random.integers(256)
        header = signed(bytes(changed[:512]))
        for read in (
            lambda: read_cifar10(gzip.compress(header + archive[512:], 1), batches=["test_batch.bin"], rows=ROWS),
            lambda: read_idx(bytes(compressed), shape=(3, 4, 5)),
        ):
            try:
                read()
                outcomes.add("read")
            except ValueError as error:
                outcomes.add(type(error))
    assert outcomes == {"read", ValueError}
