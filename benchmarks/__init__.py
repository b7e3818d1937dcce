"""Benchmarks of jaxdl against other libraries: one question per file. Run them with `python -m benchmarks`."""
