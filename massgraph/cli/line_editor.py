"""A line editor at the bottom of a terminal; what is printed meanwhile goes above it.

It runs in a thread with an event loop of its own: typing waits for nobody, and a terminal that
takes nothing holds up no agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TextIO

from prompt_toolkit import ANSI, PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.filters import Condition
from prompt_toolkit.input import create_input
from prompt_toolkit.output import create_output

from ..chat.surface import MARK
from ..display.safe_text import safe
from .editor_keys import Words, editor_keys

if TYPE_CHECKING:
    from prompt_toolkit.history import History

PAUSE_S = 0.05
"""How long what is printed is gathered: each time the editor is drawn anew."""

PLACE_S = 1
"""How long a terminal that is asked where the cursor is may take to say so."""

_GONE = "\x1b[?25h\x1b[?2004l\x1b[0m\n"
"""Shows the cursor, ends bracketed paste and colours (xterm's ctlseqs)."""


class LineEditor:
    """A line editor; iterate over it for what is typed.

    Args:
        stdin: A terminal.
        stderr: The same terminal.
        history: What was typed before.
        words: What a line that begins with `/` may begin with: (word, help).
    """

    def __init__(
        self,
        stdin: TextIO,
        stderr: TextIO,
        *,
        history: History,
        words: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.interrupt: Callable[[], None] = lambda: None
        """Called on Ctrl-C, on the loop that reads, unless that clears the line."""
        self.busy: Callable[[], bool] = lambda: False
        """Whether Ctrl-C is not for the line; called in the editor's thread."""
        self.waiting: Callable[[], int] = lambda: 0
        """How much waits, which stands before the mark; called in the editor's thread."""
        self._stdin, self._stderr = stdin, stderr
        self._history, self._words = history, words
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()
        self._reader = asyncio.get_running_loop()
        self._before = _modes(stdin)
        self._printing: deque[str] = deque()
        self._below: Sequence[str] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._prompt: PromptSession[str] | None = None
        self._due = asyncio.Event()
        self._end = asyncio.Event()
        self._ready = threading.Event()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name="line editor", daemon=True)

    async def __aenter__(self) -> LineEditor:
        self._thread.start()
        await asyncio.to_thread(self._ready.wait)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._post(self._end.set)
        await asyncio.wrap_future(self._ended)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (text := await self._typed.get()) is not None:
            yield text

    def print(self, text: str) -> None:
        """Print a text above the line; from any thread."""
        self._printing.append(text)
        self._post(self._due.set)

    def show_below(self, lines: Sequence[str]) -> None:
        """Show lines, with their colours, between what was printed and the line; from any thread.

        Args:
            lines: Each as wide as the terminal at most.
        """
        self._below = lines
        self._post(self._redraw)

    def clear(self) -> None:
        """Clear the screen; from any thread."""
        self.print("\x1b[2J\x1b[H")

    def restore(self) -> None:
        """Leave the terminal as it was, without waiting for anything."""
        with contextlib.suppress(Exception):
            self._stderr.write(_GONE)
            self._stderr.flush()
        _set_modes(self._stdin, self._before)

    # --- in its own thread

    def _work(self) -> None:
        try:
            asyncio.run(self._edit())
        except BaseException as exc:
            self._ended.set_exception(exc)
            self._give(None)
        else:
            self._ended.set_result(None)
        finally:
            self._ready.set()

    async def _edit(self) -> None:
        self._loop = asyncio.get_running_loop()
        keyboard = create_input(self._stdin)
        self._take_typed_ahead()
        # Raw all the time: between two lines the terminal would take an Enter for a new line.
        with create_app_session(keyboard, create_output(self._stderr)), keyboard.raw_mode():
            self._prompt = self._made()
            tasks = [asyncio.create_task(work) for work in (self._take_lines(), self._print_all())]
            for task in tasks:
                task.add_done_callback(self._check)
            self._ready.set()
            await self._end.wait()
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._print_due()

    def _take_typed_ahead(self) -> None:
        """Take the lines that were typed before the editor was there; the terminal has shown them.

        A line that is not complete yet is left to the editor.
        """
        if os.name != "posix":
            return
        descriptor = self._stdin.fileno()
        while select.select([descriptor], [], [], 0)[0]:
            line = os.read(descriptor, 65536)
            self._give(line.decode("utf-8", "replace") if line else None)
            if not line:
                return

    def _check(self, task: asyncio.Task[None]) -> None:
        """End when something has failed."""
        if not task.cancelled() and task.exception() is not None:
            self._end.set()

    async def _take_lines(self) -> None:
        assert self._prompt is not None
        while True:
            try:
                text = await self._prompt.prompt_async(handle_sigint=False)
            except EOFError:
                self._give(None)
                return
            if text.strip():
                self._printing.append(_echo(text))
                self._print_due()
            self._give(text)

    def _made(self) -> PromptSession[str]:
        words = Words(self._words)
        commands = Condition(lambda: session.default_buffer.text.startswith("/"))
        session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=" " * len(MARK),
            history=self._history,
            key_bindings=editor_keys(words, self._stopped),
            completer=words,
            complete_while_typing=commands,
            enable_suspend=True,
            erase_when_done=True,
            reserve_space_for_menu=6,
        )
        return session

    def _message(self) -> ANSI:
        rows = self._prompt.output.get_size().rows if self._prompt is not None else 1
        below = list(self._below)[: max(rows // 3, 1)]
        number = self.waiting()
        return ANSI("\n".join([*below, f"{f'{number} waiting ' if number else ''}{MARK}"]))

    async def _print_all(self) -> None:
        assert self._prompt is not None
        while True:
            await self._due.wait()
            self._due.clear()
            # Where the cursor was said to be must not be taken for the place below what is printed.
            await self._prompt.app.renderer.wait_for_cpr_responses(timeout=PLACE_S)
            self._print_due()
            await asyncio.sleep(PAUSE_S)

    def _print_due(self) -> None:
        """Print what is due where the line stands, and have that drawn anew below it.

        (prompt_toolkit's own way hands the keyboard back for that time: an Enter would be lost.)
        """
        texts = [self._printing.popleft() for _ in range(len(self._printing))]
        app = self._prompt.app if self._prompt is not None else None
        drawn = texts and app is not None and app.is_running
        if drawn and app is not None:
            app.renderer.erase()
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone
            self._stderr.write("".join(texts))
            self._stderr.flush()
        if drawn and app is not None:
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def _stopped(self) -> bool:
        """Take a Ctrl-C in, and return whether it is for the line."""
        if not self.busy() and self._prompt is not None and self._prompt.default_buffer.text:
            return True
        self._reader.call_soon_threadsafe(self.interrupt)
        return False

    def _redraw(self) -> None:
        if self._prompt is not None:
            self._prompt.app.invalidate()

    # --- from any thread

    def _post(self, act: Callable[[], Any]) -> None:
        """Have the editor's thread do something, if it is still there."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(act)

    def _give(self, text: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # nobody reads any more
            self._reader.call_soon_threadsafe(self._typed.put_nowait, text)


def _echo(text: str) -> str:
    """Return what was typed, as it stays on the screen."""
    first, *more = safe(text.rstrip()).split("\n")
    rest = [f"{'':{len(MARK)}}{line}" for line in more]
    return "\n".join([f"{MARK}{first}", *rest, ""])


def _modes(stdin: TextIO) -> list[Any] | None:
    if os.name != "posix":
        return None
    import termios

    return termios.tcgetattr(stdin.fileno())


def _set_modes(stdin: TextIO, modes: list[Any] | None) -> None:
    if modes is not None and sys.platform != "win32":
        import termios

        with contextlib.suppress(Exception):
            termios.tcsetattr(stdin.fileno(), termios.TCSANOW, modes)
