"""The claims of the course as experiments, one a file; run them with `python -m experiments`."""
