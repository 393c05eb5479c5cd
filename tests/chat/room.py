"""A conversation without a terminal: what is said, and what is delivered, is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AnyMessage

from massgraph import Agent, ScriptedBackend, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import StreamChunk
from massgraph.backends.errors import MassgraphError, UserError
from massgraph.chat.conversation import Conversation
from massgraph.chat.surface import Watched
from massgraph.store.opening import open_storage

ANSWER = {"when": "no_answers", "delay": 5, "new_answer": "Paris"}
VOTE = {"when": "answers", "delay": 1, "vote": "first"}
PRESENT = {"when": "present", "text": "It is Paris."}
TURNS = [ANSWER, VOTE, PRESENT]
"""A run takes 6 seconds of the clock: 5 to answer, 1 to vote."""
FAIL = [{"error": "auth"}]

STATUS = {"settled": 0, "no_answer": 3, "cancelled": 130, "failed": 1}


class Hearing(ScriptedBackend):
    """A scripted backend that keeps what it is asked."""

    def __init__(self, turns: Sequence[Any]) -> None:
        super().__init__(turns)
        self.heard: list[str] = []

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Play the next turn."""
        self.heard.append("\n".join(message.text for message in messages))
        async for chunk in super().stream_with_tools(messages, tools, **params):
            yield chunk


@dataclass
class Room:
    """Stands for a terminal."""

    said: list[str] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    quits: int = 0
    useless: bool = False
    before: Callable[[], None] = lambda: None
    """Called before a run is watched."""
    during: Callable[[], None] = lambda: None
    """Called when a round is opened."""
    after: Callable[[], None] = lambda: None
    """Called when an answer is delivered."""

    async def watch(self, run: Watched) -> None:
        self.before()
        async for event in run:
            if event.type == "round_opened":
                self.during()

    async def deliver(self, result: dict[str, Any]) -> int:
        self.answers.append(result["answer"])
        self.after()
        return STATUS[result["outcome"]]

    def refuse(self, exc: MassgraphError) -> int:
        self.said.append(str(exc))
        return 2 if isinstance(exc, UserError) else 1

    def say(self, text: str) -> None:
        self.said.append(text)

    def ready(self) -> None:
        pass

    def clear(self) -> bool:
        return False

    def quit(self) -> None:
        self.quits += 1


@dataclass
class Talk:
    """A conversation that goes on, its room, and what its agents were asked."""

    chat: Conversation
    room: Room
    backends: list[Hearing]
    status: int | None = None

    @property
    def said(self) -> str:
        """All that was said."""
        return "\n".join(self.room.said)


Line = str | float | None
"""What is typed; or seconds in which nothing is; or Ctrl-C."""


async def typed(
    *lines: Line,
    turns: Sequence[Any] = TURNS,
    piped: bool = False,
    thread: str | None = None,
    seated: Callable[[Talk], None] = lambda _: None,
) -> Talk:
    """Hold a conversation with two agents, and return what came of it.

    Args:
        *lines: What is typed, one after the other; its end is the end of the input.
        turns: What each agent plays.
        piped: Whether nobody types.
        thread: The thread to go on with.
        seated: Called before anything is typed.
    """
    storage = open_storage("memory:")
    backends = [Hearing(turns), Hearing(turns)]
    agents = [Agent(name, one) for name, one in zip(("alice", "bob"), backends, strict=True)]
    room = Room()
    async with Team(agents, db=storage) as team:
        chat = Conversation(team, storage, room, thread_id=thread, typed=not piped)

        async def given() -> AsyncIterator[str]:
            for line in lines:
                match line:
                    case None:
                        chat.interrupt()
                    case str():
                        yield line
                    case _:
                        await asyncio.sleep(line)

        talk = Talk(chat, room, backends)
        seated(talk)
        talk.status = await chat.hold(given())
    return talk
