"""Which display fits a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from .display import REFRESH_S as REFRESH_S
from .display import Display as Display
from .display import DisplayKind as DisplayKind
from .manners import is_terminal, may_move
from .plain import PlainDisplay as PlainDisplay
from .terminal import TerminalDisplay as TerminalDisplay

if TYPE_CHECKING:
    from .live.live_display import LiveDisplay


def make_display(
    stream: TextIO | None,
    *,
    kind: DisplayKind = "rich_terminal",
    quiet: bool = False,
    moving: bool = True,
    stdout_is_terminal: bool = False,
) -> Display | None:
    """Return the display that fits a stream, or None for none.

    Args:
        stream: Usually stderr; None when there is none.
        kind: What a person would like; on a stream that can't do it, the next simpler one.
        quiet: Whether nothing is to be shown.
        moving: Whether the cursor may move on a terminal.
        stdout_is_terminal: Whether the answer is printed to the same eyes anyway.
    """
    if quiet or stream is None or stream.closed:
        return None
    if kind == "simple" or not may_move(stream):
        return PlainDisplay(stream, show_final=not (is_terminal(stream) and stdout_is_terminal))
    if kind == "rich_terminal" and moving:
        from .live.tty import is_screen

        if is_screen(stream):
            from .live.live_display import LiveDisplay

            return LiveDisplay(stream)
    return TerminalDisplay(stream, moving=moving, show_final=not stdout_is_terminal)


def screen_of(display: Display | None) -> LiveDisplay | None:
    """Return the display if it is the live view, which takes keys."""
    if display is None or isinstance(display, PlainDisplay | TerminalDisplay):
        return None
    from .live.live_display import LiveDisplay

    return display if isinstance(display, LiveDisplay) else None
