"""Manifests that no training writes, with a digest that agrees with their content."""

import hashlib
import json
import random

import jax
import numpy as np
import pytest

from jaxdl.training import DamagedError, load_checkpoint, save_checkpoint
from jaxdl.training.checkpoints import checkpoint as checkpoint_module
from jaxdl.training.checkpoints.manifest import MANIFEST
from tests.hostile import HOSTILE, is_read, json_of, places, replaced


def rewrite(checkpoint, text):
    (checkpoint / MANIFEST).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


def test_whatever_a_manifest_with_a_right_digest_holds_it_is_read_or_named_in_one_sentence(tmp_path, monkeypatch):
    """Read by its own manifest, with the arrays that were saved."""
    save_checkpoint(tmp_path, 7, {"a": [np.arange(3.0), 2], "key": jax.random.key(7)}, note={"b": 1})
    arrays = checkpoint_module._arrays(tmp_path / "7")
    monkeypatch.setattr(checkpoint_module, "_arrays", lambda path: arrays)
    content, generator = json.loads((tmp_path / "7" / MANIFEST).read_text().split("\n", 1)[1]), random.Random(0)
    changes = [(place, new) for place in places(content) if place[:1] != ("files",) for new in HOSTILE]
    changes += [(("leaves", 0, "path"), path) for path in ("['a'][0][1]", "['key']", "['a'][" + "9" * 5000 + "]")]
    accepted = 0
    for place, new in generator.sample(changes, 80) + changes[-3:]:
        rewrite(tmp_path / "7", json_of(replaced(content, place, new)))
        accepted += is_read(lambda: load_checkpoint(tmp_path))
    assert 5 < accepted < 60
    for name in ("../7/" + MANIFEST, "/dev/zero", "state"):
        rewrite(tmp_path / "7", json.dumps(content | {"files": {name: "0" * 64}}))
        with pytest.raises(DamagedError, match=f"{name} is (outside of it|not a file)"):
            load_checkpoint(tmp_path)
    monkeypatch.setattr(checkpoint_module, "_arrays", lambda path: {**arrays, "0": np.arange(4.0)})
    other = checkpoint_module.manifest_of(checkpoint_module.to_leaves([np.arange(4.0)])[0])["sha256"]
    rewrite(tmp_path / "7", json.dumps(replaced(content, ("leaves", 0, "sha256"), other)))
    with pytest.raises(DamagedError, match=r"the leaf \['a'\]\[0\] has other values than were saved"):
        load_checkpoint(tmp_path)
