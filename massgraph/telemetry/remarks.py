"""Remarks: what other libraries complain of while they send telemetry, said under `-v` alone."""

from __future__ import annotations

import logging

logger = logging.getLogger("massgraph.telemetry")


class _Remarks(logging.Handler):
    """Says what is logged as a remark of ours: a collector that is away is no news.

    The first line is enough; in what follows LangSmith tells parts of its key.
    """

    def emit(self, record: logging.LogRecord) -> None:
        logger.info("%s", record.getMessage().partition("\n")[0])


def make_remarks(name: str) -> None:
    """Have everything that a library logs said as remarks, never over what is shown.

    Args:
        name: The name of its logger.
    """
    theirs = logging.getLogger(name)
    if not any(isinstance(handler, _Remarks) for handler in theirs.handlers):
        theirs.addHandler(_Remarks())
        theirs.propagate = False
