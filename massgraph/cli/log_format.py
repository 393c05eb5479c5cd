"""How a line of the program's log is written: for a glance, for people who look closer, as JSON."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from ..nodes.log_line import LogLine

LogForm = Literal["text", "json"]

_SECRET = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)S?$", re.IGNORECASE)
_SHORTEST = 8
"""Shorter values of the environment are no keys, and words may hold them."""


def short(record: logging.LogRecord) -> str:
    """Return what a warning says, without its traceback."""
    from ..display.safe_text import one_line

    return f"massgraph: {record.levelname.lower()}: {one_line(record.getMessage(), 2000)}"


def text(record: logging.LogRecord) -> str:
    """Return `TIME LEVEL LOGGER MESSAGE KEY=VALUE ...`; a traceback stands below."""
    from ..display.safe_text import one_line, safe

    said = one_line(record.getMessage(), 4000)
    line = f"{_time(record)} {record.levelname} {record.name} {said}"
    traceback = _traceback(record)
    return f"{line}\n{safe(traceback)}" if traceback else line


def as_json(record: logging.LogRecord) -> str:
    """Return an object on one line: `time`, `level`, `logger`, `message`, and the values."""
    from ..nodes.json_line import json_line

    line = cast("LogLine", record.msg) if hasattr(record.msg, "fields") else None
    told = {
        "time": _time(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage() if line is None else line.said,
        **({} if line is None else line.fields),
    }
    traceback = _traceback(record)
    return json_line({**told, "traceback": traceback} if traceback else told).decode().rstrip("\n")


FORMS: Mapping[LogForm, Callable[[logging.LogRecord], str]] = {"text": text, "json": as_json}


def without_secrets(line: str) -> str:
    """Return a line without what plainly is a key, and without the keys of the environment.

    Nobody logs a key knowingly; this is for those that somebody else's message carries along.
    """
    from ..backends.keys import struck, without_keys

    named = (value for name, value in os.environ.items() if _SECRET.search(name))
    return without_keys(struck(line, [one for one in named if len(one) >= _SHORTEST]))


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created).astimezone()
    return moment.isoformat(timespec="milliseconds")


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info is None or record.exc_info[0] is None:
        return ""
    return logging.Formatter().formatException(record.exc_info)
