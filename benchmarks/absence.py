"""What a case needs and the machine does not have."""


class AbsentError(Exception):
    """A set of data or a second core is not here: the case is skipped, and says why."""
