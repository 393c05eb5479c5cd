"""Manners: what a stream may be sent, by who is at its other end and what they ask for."""

from __future__ import annotations

import os
from typing import TextIO, TypeGuard

_DUMB = ("dumb", "unknown")
"""Terminals that obey nothing, by TERM; the same ones as for Rich, which draws on the others."""


def is_terminal(stream: TextIO | None) -> TypeGuard[TextIO]:
    """Return whether a person is at the other end of a stream."""
    return stream is not None and not stream.closed and stream.isatty()


def is_dumb() -> bool:
    """Return whether the terminal obeys nothing: its cursor stays, and it has no colours."""
    return os.environ.get("TERM", "").lower() in _DUMB


def may_move(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that obeys: its cursor may move."""
    return is_terminal(stream) and not is_dumb()


def colours_unwanted() -> bool:
    """Return whether the person wants no colours anywhere (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def coloured(stream: TextIO | None) -> bool:
    """Return whether colours may be sent to a stream."""
    return may_move(stream) and not colours_unwanted()
