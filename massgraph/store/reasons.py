"""What an exception says, in one line."""

from __future__ import annotations


def one_line(exc: BaseException) -> str:
    """Return what an exception says, in one line; its own lines are parted by semicolons."""
    lines = (" ".join(line.split()).rstrip(".?") for line in str(exc).splitlines())
    return "; ".join(line for line in lines if line) or type(exc).__name__


def refused(exc: OSError, named: object = None) -> str:
    """Return why the system refuses something.

    Args:
        exc: What was raised.
        named: The file or folder that the message names already; another one is told.
    """
    reason = exc.strerror or one_line(exc)
    other = exc.filename is not None and str(exc.filename) != str(named)
    return f"{reason}: {exc.filename}" if other else reason
