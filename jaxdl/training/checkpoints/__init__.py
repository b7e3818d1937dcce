"""Checkpoints: `serialization` digests arrays, `checkpoint` writes and verifies trees, `resume` finds the newest."""
