"""A backend around another one, which stores what that says in a cassette."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from ..base import LLMBackend, ToolSchema
from ..chunks import DoneChunk, ErrorChunk, StreamChunk, UsageChunk
from ..errors import IncompleteStreamError, as_backend_error
from ..off_loop import off_loop
from ..reply import ReplyTape, StoredReply
from ..wrapped import WrappedBackend, closing
from .seat import Seat
from .tape import Cassette

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage


class RecordOptions(BaseModel):
    """What a config says of a backend that is recorded."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    backend: InstanceOf[LLMBackend] | Mapping[str, Any] | str
    cassette: str | Path
    name: str = Field(min_length=1)


@dataclass(slots=True)
class _Call:
    number: int
    tape: ReplyTape
    over: bool = False


class RecordBackend(WrappedBackend):
    """A backend that is another one, and stores each reply of it before its end is handed out.

    What a call that is stopped has said is stored with the next reply, or by `aclose`.

    Args:
        backend: The one that answers.
        cassette: The file; it is made by the first reply.
        name: What the replies are filed under, and played by again: the agent's id.

    Raises:
        UserError: When the cassette holds replies of that name already, or is none.
    """

    config_options = RecordOptions

    def __init__(self, backend: LLMBackend, cassette: str | Path, name: str) -> None:
        super().__init__(backend)
        self.name = name
        self._cassette = Cassette(cassette)
        self._cassette.check_free(name)
        self._calls = 0
        self._cut: list[tuple[int, StoredReply]] = []

    async def aclose(self) -> None:
        """Close what the backend inside has opened, and store what was stopped."""
        try:
            await self.backend.aclose()
        finally:
            if self._cut:
                await self._store()

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Send the request to the backend inside, and store what comes; see `LLMBackend`.

        Raises:
            StoreError: When it cannot be stored.
        """
        self._calls += 1
        call = _Call(self._calls, ReplyTape(asyncio.get_running_loop().time))
        try:
            async with closing(self.backend.stream_with_tools(messages, tools, **params)) as stream:
                async for chunk in stream:
                    await self._take(call, chunk)
                    yield chunk
            if not call.over:  # whoever listens calls it that, too
                cut_short = IncompleteStreamError("The stream ended without its terminal marker.")
                await self._take(call, ErrorChunk(cut_short))
        except Exception as exc:
            if not call.over:
                await self._take(call, ErrorChunk(as_backend_error(exc)))
            raise
        finally:
            if not call.over:
                self._cut.append((call.number, call.tape.reply()))

    async def _take(self, call: _Call, chunk: StreamChunk) -> None:
        """Note a chunk, and store the reply with the last one."""
        if call.over:
            return
        if isinstance(chunk, UsageChunk):  # the replay has no prices of its own
            chunk = UsageChunk(self.backend.priced(chunk.usage))
        call.tape.take(chunk)
        if isinstance(chunk, DoneChunk | ErrorChunk):
            call.over = True
            await self._store((call.number, call.tape.reply()))

    async def _store(self, *replies: tuple[int, StoredReply]) -> None:
        cut, self._cut = self._cut, []
        seat = Seat.of(self.backend)
        await off_loop(lambda: self._cassette.store(self.name, seat, [*cut, *replies]))
