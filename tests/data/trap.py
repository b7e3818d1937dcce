"""A pickle that must never be loaded."""


class Trap:
    """An object that creates the file `sprung` in the working directory when it is unpickled."""

    def __reduce__(self):
        return open, ("sprung", "w")
