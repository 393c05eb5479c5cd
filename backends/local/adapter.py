"""The embedded model: a real, very small one in this process, without a key or a network.

It shows the machinery, not intelligence: with 135 million parameters it writes fluent sentences,
is right about easy facts most of the time, and its votes carry little judgement.

It knows no tools. A single tool that takes one string is answered with free text; otherwise the
model chooses a tool under a JSON schema, and strings are written afterwards.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import LLMBackend, ToolSchema
from ..chunks import StreamChunk
from ..errors import UserError
from ..output_schema import check_output_schema
from .engine import Engine, EngineSettings
from .lease import Lease, announce
from .messages import chat_messages
from .model import BUNDLED, check_engine, find_model
from .turn import LocalTurn

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

_seeds = itertools.count(1)
_SAMPLING = {
    "top_p": 0.9,
    # Against loops, in which the small model is caught easily: a phrase is not said over and over.
    # Measured: answers stay as right as without; a plain repeat penalty costs a third of them.
    "dry_multiplier": 0.8,
    "dry_allowed_length": 3,
    "dry_sequence_breakers": ["\n"],  # by default a quotation mark would let a loop go on
}


class LocalBackend(LLMBackend):
    """A model of llama.cpp, loaded into this process.

    Args:
        model: Empty for the bundled model, or the path of a GGUF file (`~` is understood).
        max_tokens: The longest free text, in tokens.
        temperature: 0 always takes the likeliest word. Of 60 answers to easy questions the bundled
            model had 48 right at 0.1, 42 at 0.2 and 41 at 0.4; six seeds gave 4, 5 and 5.5 texts.
        seed: Left out, each backend of a process gets the next number, so that agents differ. The
            same conversation with the same seed gives the same text, as long as no other call
            runs beside it (numbers are rounded differently in a batch).
        context_tokens: Tokens of prompt and reply together, for each call.
        model_path: The GGUF file, when `model` is to be a name for displays only.

    Raises:
        UserError: When the engine's package, the weights or the file is missing, or no GGUF, or a
            number makes no sense.
    """

    brief_prompts = True
    takes_output_schema = True

    def __init__(
        self,
        model: str = "",
        *,
        max_tokens: int = 256,
        temperature: float = 0.2,
        seed: int | None = None,
        context_tokens: int = 2048,
        model_path: str | Path | None = None,
    ) -> None:
        super().__init__()
        check_engine()
        path = find_model(str(model_path) if model_path is not None else model)
        _check_numbers(max_tokens, temperature, context_tokens)
        self.model = model or (path.stem if model_path is not None else BUNDLED)
        self._settings = EngineSettings(path, context_tokens)
        self._params = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": next(_seeds) if seed is None else seed,
            **_SAMPLING,
        }
        self.longest_reply = max_tokens
        self._leases: dict[asyncio.AbstractEventLoop, Lease] = {}
        announce(self._settings, self)

    @property
    def provider_name(self) -> str:
        """`local`."""
        return "local"

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return 0: nobody charges for it."""
        return 0.0

    async def prepare(self) -> None:
        """Load the model, unless another backend has done so.

        Raises:
            UserError: When the engine cannot be imported, or cannot load the file.
        """
        await self._engine()

    async def aclose(self) -> None:
        """Give the engine back; the last one to do so shuts it down."""
        await self._release(asyncio.get_running_loop())

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncGenerator[StreamChunk]:
        """Write free text, or call exactly one of the tools if there are any.

        Raises:
            BadRequestError: When `output_schema` is none, or comes with tools.
        """
        schema = params.pop("output_schema", None)
        if schema is not None:
            check_output_schema(schema, tools, self)
        talk = chat_messages(messages)
        turn = LocalTurn(await self._engine(), talk, tools, self._params | params, schema)
        try:
            async with aclosing(turn.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self.track_usage(turn.usage)
        for chunk in turn.ending():
            yield chunk

    async def _engine(self) -> Engine:
        loop = asyncio.get_running_loop()
        lease = self._leases.get(loop)
        if lease is None:
            lease = self._leases[loop] = Lease(self._settings)
            await self._release(*[other for other in list(self._leases) if other.is_closed()])
        try:
            return await lease.engine()
        except Exception:
            await self._release(loop)
            raise

    async def _release(self, *loops: asyncio.AbstractEventLoop) -> None:
        leases = [self._leases.pop(loop, None) for loop in loops]
        closing = [work for lease in leases if lease and (work := lease.release())]
        await asyncio.gather(*(work.join() for work in closing))


def _check_numbers(max_tokens: int, temperature: float, context_tokens: int) -> None:
    for name, value in (("max_tokens", max_tokens), ("context_tokens", context_tokens)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, not {value}.")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise UserError(f"temperature must be 0 or more, not {temperature}.")
