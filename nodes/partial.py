"""Read one string argument of a tool call while its JSON is still being written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

STEP = 32
"""A look costs the length so far, so looks grow rarer: after 1/32 more text than the last one."""


class PartialString:
    """Gives out the new part of one string argument, as the JSON of a call comes in.

    Args:
        watched: The tool's name and the argument's; None to watch nothing.
    """

    def __init__(self, watched: tuple[str, str] | None) -> None:
        self._watched = watched
        self._arguments = io.StringIO()
        self._length = 0
        self._next_look = 1
        self._said = 0

    def feed(self, name: str, piece: str) -> str:
        """Take a piece of a call's JSON in, and return what is new in the argument."""
        if self._watched is None or name != self._watched[0]:
            return ""
        self._arguments.write(piece)
        self._length += len(piece)
        if self._length < self._next_look:
            return ""
        self._next_look = self._length + max(1, self._length // STEP)
        return self._look()

    def whole(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Take a call in that comes as a whole, and return what is new in the argument."""
        if self._watched is None or name != self._watched[0]:
            return ""
        return self._new(arguments.get(self._watched[1]))

    def rest(self) -> str:
        """Return what has not been given out yet, at the end of the call; its JSON is let go."""
        new = self._look() if self._length else ""
        self._arguments, self._length = io.StringIO(), 0
        return new

    def _look(self) -> str:
        assert self._watched is not None
        try:
            value = from_json(self._arguments.getvalue(), allow_partial="trailing-strings")
        except (TypeError, ValueError):  # TypeError: half a surrogate pair
            return ""
        return self._new(value.get(self._watched[1]) if isinstance(value, dict) else None)

    def _new(self, argument: object) -> str:
        if not isinstance(argument, str):
            return ""
        new = argument[self._said :]
        self._said = max(self._said, len(argument))
        return new
