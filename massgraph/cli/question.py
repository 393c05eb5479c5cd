"""The question: from the command line, from stdin, or from both."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Generator

from ..backends.errors import UserError
from ..display.manners import is_terminal
from .ending import say

PATIENCE_S = 2.0
"""How long stdin may be silent until a person is told that it is waited for."""


def read_question(given: str | None) -> str:
    """Return the question, with what comes through a pipe appended as its context.

    Args:
        given: The command line's; `-` for stdin.

    Raises:
        UserError: When there is none, or it is not UTF-8 text.
    """
    if given is not None:
        try:
            given.encode()
        except UnicodeEncodeError:
            raise UserError("The question is not UTF-8 text.") from None
    if given == "-" or given is None:
        piped = _piped(even_from_terminal=given == "-")
        if piped is None:
            raise UserError(
                "There is no question.", hint="Give it as an argument, or through a pipe."
            )
        question = piped
    else:
        context = _piped()
        question = f"{given}\n\n{context}" if context and context.strip() else given
    if not question.strip():
        raise UserError("The question is empty.", hint="Ask something.")
    return question


def _piped(*, even_from_terminal: bool = False) -> str | None:
    """Return what stdin holds, or None where it is a terminal or closed."""
    stdin = sys.stdin
    if stdin is None or stdin.closed or (is_terminal(stdin) and not even_from_terminal):
        return None
    buffer = getattr(stdin, "buffer", None)
    with _impatience(is_terminal(stdin)):
        try:
            text = stdin.read() if buffer is None else buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UserError("What comes on stdin is not UTF-8 text.") from None
        except OSError:  # there is a stdin, and it is not for reading
            return None
    return text.rstrip("\r\n")


@contextlib.contextmanager
def _impatience(typed: bool) -> Generator[None]:
    """Tell a person that stdin is being read: at once where it is typed, else if it takes long."""
    if typed:
        say("massgraph: type the question, end it with Ctrl-D")
        yield
        return
    timer = threading.Timer(
        PATIENCE_S, say, ["massgraph: reading stdin until it ends (use </dev/null for none)"]
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
