"""A pickle that must never be loaded."""


class Trap:
    """An object that creates the file `unpickled` in the working directory when it is loaded."""

    def __reduce__(self):
        return open, ("unpickled", "w")
