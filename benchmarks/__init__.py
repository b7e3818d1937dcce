"""Questions about speed, one a file; run them with `python -m benchmarks`."""
