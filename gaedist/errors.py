"""The one exception that a user of gaedist meets."""


class GaedistError(Exception):
    """What is wrong, what was found, and what to do, in one line.

    Raised where the cause is known; the command line catches it once, prints it and exits with 2.
    """
