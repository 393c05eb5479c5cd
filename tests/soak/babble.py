"""Babbler: a backend that says very much, in very small pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Literal

from langchain_core.messages import AnyMessage

from massgraph import LLMBackend, StreamChunk, ToolSchema
from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    ReasoningChunk,
    ToolCallDeltaChunk,
)

Kind = Literal["content", "reasoning", "answer", "final", "mixed", "status"]

PIECE = 5
"""Characters of one chunk."""

TURNS = 16
"""Chunks between two looks at the event loop: agents take turns this often."""


def _piece(number: int) -> str:
    """Return a string that is an object of its own, as those from a socket are."""
    return f"{number % 10_000:04d} "


_SAYS: dict[Kind, Callable[[int], StreamChunk]] = {
    "content": lambda number: ContentChunk(_piece(number)),
    "reasoning": lambda number: ReasoningChunk(_piece(number)),
    "answer": lambda number: ToolCallDeltaChunk(0, arguments=_piece(number)),
    "final": lambda number: ContentChunk(_piece(number)),
    "mixed": lambda number: (ContentChunk, ReasoningChunk)[number % 2](_piece(number)),
    "status": lambda number: AgentStatusChunk(f"searching {number}"),
}


class Babbler(LLMBackend):
    """Answers, votes for the first answer and presents; one of these takes very many chunks.

    Args:
        kind: What it says very much of: text, reasoning or both in turn, the answer, the final
            answer, or statuses.
        chunks: How many chunks that takes.
    """

    model = "babble"

    def __init__(self, kind: Kind, chunks: int) -> None:
        super().__init__()
        self._kind, self._chunks = kind, chunks

    @property
    def provider_name(self) -> str:
        return "babble"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        for number, chunk in enumerate(self._turn({tool.name for tool in tools})):
            if number % TURNS == 0:
                await asyncio.sleep(0)
            yield chunk

    def _turn(self, tools: set[str]) -> Iterator[StreamChunk]:
        if "vote" in tools:
            yield ToolCallDeltaChunk(0, "v", "vote", '{"agent_id": "agent1", "reason": "x"}')
        elif "new_answer" in tools:
            yield from self._answer()
        else:
            yield from self._babble() if self._kind == "final" else [ContentChunk("Final.")]
            yield DoneChunk("stop")
            return
        yield DoneChunk("tool_calls")

    def _answer(self) -> Iterator[StreamChunk]:
        if self._kind not in ("answer", "final"):
            yield from self._babble()
        yield ToolCallDeltaChunk(0, "a", "new_answer", '{"content": "')
        yield from self._babble() if self._kind == "answer" else ()
        yield ToolCallDeltaChunk(0, arguments='."}')

    def _babble(self) -> Iterator[StreamChunk]:
        say = _SAYS[self._kind]
        return (say(number) for number in range(self._chunks))
