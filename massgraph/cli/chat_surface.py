"""Where a chat is shown: line by line, or above the line that is being typed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

from ..backends.errors import MassgraphError
from ..chat.surface import MARK, Watched
from ..display.manners import is_terminal
from ..display.writers import Display, PlainDisplay, TerminalDisplay, make_display
from .asking import Asking
from .delivery import deliver, status_of
from .ending import Status, say, told
from .screen import watch
from .signals import Signals

if TYPE_CHECKING:
    from ..chat.conversation import Conversation
    from ..chat.surface import Surface
    from .above import Above
    from .line_editor import LineEditor


class LineSurface:
    """Shows a chat line by line; nothing moves the cursor.

    Args:
        asking: How runs are shown, and where answers go.
        signals: What came meanwhile.
        again: The command that goes on with a thread; None if it is not stored.
        typed: Whether a person types, who is shown where.
        simple: Whether progress is shown as plain text.
    """

    def __init__(
        self,
        asking: Asking,
        signals: Signals,
        again: Callable[[str], str | None],
        *,
        typed: bool,
        simple: bool = False,
    ) -> None:
        self._asking, self._signals, self._again = asking, signals, again
        self._typed, self._simple = typed, simple

    def seat(self, talk: Conversation) -> None:
        """Learn whose conversation it is."""

    @property
    def useless(self) -> bool:
        """Whether the reader of stdout is gone, and there is no file."""
        return self._asking.stdout.closed and self._asking.file is None

    async def watch(self, run: Watched) -> None:
        """Show a run until it ends."""
        await watch(run, self._asking, self._display())

    async def deliver(self, result: dict[str, Any]) -> int:
        """Print the answer, and return the exit status; say why there is none."""
        apart = self._typed and self._final_is_seen and result["answer"] is not None
        if apart:
            say("")
        await asyncio.to_thread(deliver, result, self._asking)
        if apart:
            say("")
        if result["outcome"] == "cancelled" and self._signals.status is None:
            say("the run was cancelled: /resume goes on with it, a question leaves it as it is")
            return Status.INTERRUPTED
        return status_of(result, self._signals, again=self._again(result["thread_id"]))

    def refuse(self, exc: MassgraphError) -> int:
        """Say what was wrong, and return the exit status for it."""
        return told(exc)

    def say(self, text: str) -> None:
        """Say something on stderr."""
        say(text)

    def ready(self) -> None:
        """Show a person at a terminal where to type."""
        if self._typed and is_terminal(sys.stderr):
            sys.stderr.write(MARK)
            sys.stderr.flush()

    def clear(self) -> bool:
        """Return that nothing can be cleared."""
        return False

    def quit(self) -> None:
        """Exit now; the terminal is left as it was."""
        self._signals.status = Status.INTERRUPTED
        self._signals.before_quitting()
        self._signals.leave(Status.INTERRUPTED)

    def _display(self) -> Display | None:
        """Return what shows a run: no screen of its own, which would come and go."""
        return make_display(
            sys.stderr,
            kind="simple" if self._simple else "terminal",
            quiet=self._asking.quiet,
            moving=self._asking.moving and not self._typed,
            stdout_is_terminal=self._final_is_seen,
        )

    @property
    def _final_is_seen(self) -> bool:
        """Whether the answer is printed to the same eyes."""
        return self._asking.form == "text" and self._asking.stdout.is_terminal


class EditedSurface(LineSurface):
    """Shows a chat above the line that is being typed.

    Args:
        editor: Where it is typed.
        above: Prints above it.
        **given: As `LineSurface` takes it.
    """

    def __init__(self, editor: LineEditor, above: Above, **given: Any) -> None:
        super().__init__(**given, typed=True)
        self._editor, self._above = editor, above

    def seat(self, talk: Conversation) -> None:
        """Learn whose conversation it is: Ctrl-C is for its run, and questions may wait."""
        self._editor.interrupt = talk.interrupt
        self._editor.busy = lambda: talk.run is not None
        self._editor.waiting = lambda: len(talk.waiting)

    def ready(self) -> None:
        """Do nothing: one can always type."""

    def clear(self) -> bool:
        """Clear the screen."""
        self._editor.clear()
        return True

    def _display(self) -> Display | None:
        if self._asking.quiet:
            return None
        stream = cast("TextIO", self._above)
        show_final = not self._final_is_seen
        if self._simple:
            return PlainDisplay(stream, show_final=show_final)
        return _AboveDisplay(stream, self._editor.show_below, show_final=show_final)


class _AboveDisplay(TerminalDisplay):
    """Writes complete lines above what is typed, and shows those that are not beside it."""

    def __init__(
        self, stream: TextIO, show: Callable[[Sequence[str]], None], *, show_final: bool
    ) -> None:
        super().__init__(stream, moving=False, show_final=show_final)
        self._show_below = show
        self._last: list[str] = []

    def refresh(self) -> None:
        """Show the unfinished lines, if they have changed."""
        super().refresh()
        self._tell([self._drawn(tail) for tail in self.tails()])

    def close(self) -> None:
        """Take the unfinished lines away."""
        super().close()
        self._tell([])

    def _drawn(self, tail: Any) -> str:
        with self._console.capture() as captured:
            self._console.print(tail, end="")
        return captured.get()

    def _tell(self, lines: list[str]) -> None:
        if lines != self._last:
            self._last = lines
            self._show_below(lines)


if TYPE_CHECKING:
    _: type[Surface] = LineSurface
