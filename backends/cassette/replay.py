"""A backend that plays from a cassette, or from a run's own thread, without a provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..base import BuiltinTool, LLMBackend, ToolSchema
from ..chunks import DoneChunk, ErrorChunk, StreamChunk, UsageChunk
from ..errors import InternalBackendError
from ..reply import StoredReply
from ..usage import TokenUsage
from .playback import playback_of
from .tape import Cassette, Recorded

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage


class ReplayOptions(BaseModel):
    """What a config says of a replay."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cassette: str | Path
    name: str = Field(min_length=1)
    speed: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    thread: Annotated[str, Field(min_length=1)] | None = None


class ReplayBackend(LLMBackend):
    """Plays what was recorded: the first call gets the first reply, and so on.

    It asks nobody, and needs neither a key nor an SDK. Those who play from one cassette keep the
    order in which their replies ended. A call that was stopped when it was recorded says what it
    had said by then, and then nothing, until it is stopped.

    Args:
        cassette: The file: a cassette, or the database of a run.
        name: What the replies are filed under; in a run's database, the agent's id.
        speed: 1 plays in the time that it took, 2 in half of it; 0 waits for nothing.
        thread: The thread of a run; left out, the file is a cassette.

    Raises:
        UserError: When the file or the replies are not there, or are damaged.
    """

    config_options = ReplayOptions

    def __init__(
        self, cassette: str | Path, name: str, speed: float = 0.0, thread: str | None = None
    ) -> None:
        super().__init__()
        self.name, self.speed = name, speed
        self._cassette, self._thread = Cassette(cassette), thread
        part = self._cassette.part(name, thread)
        self._seat, self._replies, self._counts_cuts = part.seat, part.calls, part.cuts
        self._calls = 0
        self.model = part.seat.model
        self.brief_prompts = part.seat.brief_prompts
        self.takes_tool_choice = part.seat.takes_tool_choice
        self.takes_output_schema = part.seat.takes_output_schema
        self.longest_reply = part.seat.longest_reply
        self.unsent = part.seat.unsent
        self._playback = playback_of(self._cassette.path, thread, name)
        self._playback.join(name, [one.place for one in part.calls.values() if _ended(one.reply)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._cassette.path)!r}, {self.name!r})"

    @property
    def provider_name(self) -> str:
        """The provider that was recorded; of a run's thread, `replay`."""
        return self._seat.provider

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The tools that the recorded backend had."""
        return frozenset(self._seat.builtin_tools)

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what a call would have cost, where it was known when it was recorded."""
        sent, received = self._seat.input_price, self._seat.output_price
        if sent is None or received is None:
            return None
        return input_tokens * sent + output_tokens * received

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Play the next call.

        Raises:
            InternalBackendError: When no call is left.
        """
        self._calls += 1
        number = self._calls
        recorded = self._recorded(number)
        if recorded is None:
            await asyncio.Event().wait()
            return
        played = False
        try:
            async for chunk in self._played(recorded):
                played = isinstance(chunk, DoneChunk | ErrorChunk)
                yield chunk
        finally:
            if played or self._counts_cuts:
                self._playback.passed(recorded.place)
            elif self._calls == number:
                self._calls -= 1  # it was not this one that the reply was for

    def _recorded(self, number: int) -> Recorded | None:
        """Return a recorded call; None for one of which nothing is known but that it was cut."""
        last = max(self._replies)
        if number > last:
            raise InternalBackendError(
                f"The cassette {str(self._cassette.path)!r} has {last} calls of {self.name!r}, "
                f"and this is one more: what is run is not what was recorded."
            )
        return self._replies.get(number)

    async def _played(self, recorded: Recorded) -> AsyncGenerator[StreamChunk]:
        loop = asyncio.get_running_loop()
        began, usage = loop.time(), TokenUsage()
        await self._playback.reached(recorded.after)
        for said in recorded.reply.said:
            due = began + said.at_s / self.speed if self.speed else began
            await asyncio.sleep(max(due - loop.time(), 0.0))
            match said.chunk:
                case UsageChunk():
                    usage = said.chunk.usage
                case DoneChunk() | ErrorChunk():
                    await self._playback.reached(recorded.place)
                    self.track_usage(usage)
                case _:
                    pass
            yield said.chunk
        if not _ended(recorded.reply):
            await asyncio.Event().wait()


def _ended(reply: StoredReply) -> bool:
    return bool(reply.said) and isinstance(reply.said[-1].chunk, DoneChunk | ErrorChunk)
