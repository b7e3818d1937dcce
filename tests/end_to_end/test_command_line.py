"""The command line as its users start it: one process, nothing patched."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from jaxdl.runs import files

MNIST = pathlib.Path("mnist", "3.0.1")


def prepare_first_images(prepared, folder, kept):
    """Write the first images of each part of a set that TFDS has prepared as a smaller set."""
    folder.mkdir(parents=True)
    shutil.copy(prepared / "features.json", folder)
    info = json.loads((prepared / "dataset_info.json").read_text())
    for split in info["splits"]:
        count, name = kept[split["name"]], f"mnist-{split['name']}.array_record-00000-of-00001"
        split["shardLengths"] = [str(count)]
        writer = ArrayRecordWriter(str(folder / name), "group_size:1")
        for record in ArrayRecordReader(str(prepared / name)).read(range(count)):
            writer.write(record)
        writer.close()
    (folder / "dataset_info.json").write_text(json.dumps(info))


def test_mnist_from_a_prepared_folder_reaches_its_accuracy(data_dir, tmp_path):
    """Train one network 784-256-128-10 for five epochs, with JAXDL_TESTS=all on all images, else on the first ones.

    On the first ones, eight seeds reach 0.939 to 0.950; the threshold is 0.009 below the lowest of them.
    """
    folder, accuracy = data_dir / "tfds", 0.975
    if os.environ.get("JAXDL_TESTS") != "all":
        folder, accuracy = tmp_path / "tfds", 0.93
        prepare_first_images(data_dir / "tfds" / MNIST, folder / MNIST, {"train": 9000, "test": 2000})
    out = tmp_path / "run"
    options = ["--data", "mnist", "--data-dir", str(folder), "--hidden", "256", "128", "--epochs", "5"]
    command = [sys.executable, "-m", "jaxdl", "train", *options, "--seeds", "1", "--batch-size", "128", "--out", out]
    environment = {**os.environ, "XLA_FLAGS": ""}  # with the optimizations that users have
    subprocess.run(command, check=True, capture_output=True, cwd=pathlib.Path(__file__).parents[2], env=environment)
    assert files.read_table(out / "members.parquet")["test"][0] >= accuracy
