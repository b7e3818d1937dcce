"""The error that a benchmark raises when its data, packages or hardware are missing."""


class MissingRequirementError(Exception):
    """A data set, a package or the hardware for a case is missing; the harness skips the case and prints the reason."""
