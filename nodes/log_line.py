"""LogLine: a message of the program's log, with the values that belong to it by name."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[\w.,:/@+-]+", re.ASCII)


class LogLine:
    """What a logger is given: `str` gives it as one line, for whatever formats it.

    It tells who, how long and how much, never what was said: no text of a question, an answer, a
    tool or a provider belongs in it.

    Args:
        said: What happened, in two or three words.
        **fields: Values by name; None is left out.
    """

    __slots__ = ("fields", "said")

    def __init__(self, said: str, /, **fields: object) -> None:
        self.said = said
        self.fields = {name: _value(one) for name, one in fields.items() if one is not None}

    def __str__(self) -> str:
        return " ".join([self.said, *(f"{name}={_told(v)}" for name, v in self.fields.items())])


def _value(value: object) -> str | int | float | bool:
    """Return a value as JSON has it; seconds and dollars need no more than their millionths."""
    match value:
        case bool() | int():
            return value
        case float():
            return round(value, 6)
        case list() | tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _told(value: str | float) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value)
    return json.dumps(value)
