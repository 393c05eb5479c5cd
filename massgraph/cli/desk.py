"""Where somebody sits and chats: a line editor, a plain terminal, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, cast

from ..chat.commands import COMMANDS
from ..chat.conversation import Conversation
from ..display.manners import is_terminal, may_move
from ..display.safe_text import one_line
from ..outcomes import OVER
from .asking import Asking
from .chat_surface import EditedSurface, LineSurface
from .db_option import resume_command
from .ending import Status, error, say
from .output_options import OutputOptions
from .signals import Signals
from .stdin_lines import stdin_lines

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..store.base import Storage, ThreadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where somebody sits and chats, or a program does.

    Args:
        team: Who answers.
        storage: Where threads are kept.
        db: The URL that names it; None for the user's own.
        thread: The thread to go on with, if one was given.
        row: What is known of it.
        asking: How runs are shown, and where answers go.
        shown: The options of that.
        signals: What comes meanwhile.
    """

    team: TeamConfig
    storage: Storage
    db: str | None
    thread: str | None
    row: ThreadRow | None
    asking: Asking
    shown: OutputOptions
    signals: Signals

    @property
    def typed(self) -> bool:
        """Whether a person types."""
        return is_terminal(sys.stdin)

    @property
    def edited(self) -> bool:
        """Whether what is typed can be edited, and the cursor may move."""
        return self.typed and may_move(sys.stderr) and self.shown.moving

    async def chat(self) -> int:
        """Chat, and return the exit status."""
        async with AsyncExitStack() as stack:
            records = self.shown.records(self.team, self.db)
            team = await stack.enter_async_context(self.team.team(db=self.storage, records=records))
            lines, surface = await self._editor(stack) if self.edited else self._lines()

            talk = Conversation(
                team, self.storage, surface, thread_id=self.thread, typed=self.typed
            )
            surface.seat(talk)
            self.signals.cancel_run(_Stop(talk, self.signals, self.typed))
            if self.typed and not self.asking.quiet:
                for line in self._greeting(talk):
                    say(line)
            status = await talk.hold(lines)
            if self.typed and talk.asked:
                again = resume_command(talk.thread_id, self.db, "chat --thread")
                say(f"go on later: {again}" if again is not None else "nothing of it is kept")
            return status

    def _lines(self) -> tuple[AsyncIterator[str], LineSurface]:
        """Return lines of stdin, and what shows the chat line by line."""
        surface = LineSurface(
            self.asking, self.signals, self._again, typed=self.typed, simple=self._simple
        )
        return stdin_lines(sys.stdin, error), surface

    async def _editor(self, stack: AsyncExitStack) -> tuple[AsyncIterator[str], LineSurface]:
        """Return lines that are edited, and what shows the chat above them."""
        from .above import Above
        from .history import history_path, open_history
        from .line_editor import LineEditor

        kept = not self.shown.no_logs and self.team.logging_enabled
        history, trouble = open_history(history_path if kept else None)
        editor = LineEditor(sys.stdin, sys.stderr, history=history, words=list(_words()))
        self.signals.before_quitting = editor.restore
        await stack.enter_async_context(editor)
        above = Above(editor)
        stream = cast("TextIO", above)
        stack.callback(above.close)
        stack.enter_context(redirect_stderr(stream))
        stack.enter_context(redirect_stdout(stream))
        if self.asking.stdout.is_terminal:
            stack.enter_context(self.asking.stdout.through(stream))
        if trouble is not None:
            say(trouble)
        surface = EditedSurface(
            editor,
            above,
            simple=self._simple,
            asking=self.asking,
            signals=self.signals,
            again=self._again,
        )
        return aiter(editor), surface

    @property
    def _simple(self) -> bool:
        return self.shown.kind(self.team) == "simple"

    def _again(self, thread_id: str) -> str | None:
        return resume_command(thread_id, self.db)

    def _greeting(self, talk: Conversation) -> Iterator[str]:
        """Give out what is said at the beginning."""
        team = ", ".join(f"{one.id} ({one.backend})" for one in talk.standing.agents.values())
        yield f"{talk.team.name}: {team}"
        yield "Ask something. /help lists commands, Ctrl-C cancels a run, Ctrl-D quits."
        if self.row is not None:
            asked = f"{self.row.runs} question{'' if self.row.runs == 1 else 's'} so far"
            last = one_line(self.row.question, 100)
            yield f"the thread {talk.thread_id}: {asked}, the last one: {last}"
            if self.row.status not in OVER:
                yield "its last run is not over: /resume goes on with it, a question leaves it"


@dataclass(frozen=True, slots=True)
class _Stop:
    """What a signal stops."""

    talk: Conversation
    signals: Signals
    typed: bool

    def cancel(self) -> None:
        """Take a signal in: a person may go on after a Ctrl-C."""
        if self.signals.status is Status.TERMINATED:
            self.talk.leave(Status.TERMINATED)
            return
        if self.typed:
            self.signals.status = None
        self.talk.interrupt()


def _words() -> Iterator[tuple[str, str]]:
    for one in COMMANDS:
        for name in one.names:
            yield f"/{name}", one.help
