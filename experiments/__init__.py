"""Claims of the course as experiments, one per file. Run them with `python -m experiments`."""
