"""One turn of the embedded model: free text, or a tool that is chosen and then filled in."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..base import ToolSchema
from ..chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from ..errors import BadRequestError, IncompleteStreamError
from ..usage import TokenUsage
from .choice import (
    Choice,
    answer_parameter,
    bounded,
    choice_prompt,
    choice_schema,
    choice_tokens,
    fill_limit,
    fill_prompt,
    free_strings,
    needs_no_choice,
    read_choice,
    tidy,
)
from .engine import Chunk, Engine
from .messages import ChatMessage, call_text, said

Chunks = AsyncGenerator[StreamChunk]

MAX_REPLY_STRING = 400
"""Characters of a string in a reply that must fit a schema."""
_NO_LIMIT = -1
"""Tokens without a limit but the context's: the schema has an end."""

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class LocalTurn:
    """One turn; read `chunks` once.

    Args:
        engine: Who answers.
        messages: The conversation in the engine's form.
        tools: What may be called; exactly one of them is.
        params: Parameters of every completion.
        schema: The JSON schema that the text must fit, when there are no tools.
    """

    def __init__(
        self,
        engine: Engine,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        self._engine = engine
        self._messages = messages
        self._tools = tools
        self._params = params
        self._schema = schema
        self._finish: FinishReason | None = None
        self.usage = TokenUsage(estimated_cost=0.0)
        """What all completions of the turn have used."""

    async def chunks(self) -> Chunks:
        """Write the turn, all but its end."""
        async with aclosing(self._call() if self._tools else self._say()) as parts:
            async for chunk in parts:
                yield chunk

    def ending(self) -> tuple[UsageChunk, DoneChunk]:
        """Return the turn's last two chunks."""
        return UsageChunk(self.usage), DoneChunk(
            "tool_calls" if self._tools else self._finish or "other"
        )

    async def _say(self) -> Chunks:
        if self._schema is None:
            said = self._write(self._messages)
        else:
            schema = bounded(self._schema, MAX_REPLY_STRING)
            said = self._held(self._messages, schema, _NO_LIMIT, "a reply of this schema")
        async with aclosing(said) as parts:
            async for chunk in parts:
                yield chunk

    async def _call(self) -> Chunks:
        choice, asked = Choice(self._tools[0], {}), self._messages
        if not needs_no_choice(self._tools):
            asked = said(self._messages, "user", choice_prompt(self._tools))
            decision: list[str] = []
            limit = choice_tokens(self._tools)
            decide = self._held(asked, choice_schema(self._tools), limit, "choosing a tool")
            async with aclosing(_set_aside(decide, decision)) as parts:
                async for chunk in parts:
                    yield chunk
            choice = read_choice("".join(decision), self._tools)
        yield ToolCallDeltaChunk(0, id=f"call_{uuid.uuid4().hex}", name=choice.tool.name)
        parameter = answer_parameter(choice.tool)
        filled = self._fill(choice, asked) if parameter is None else self._answer(parameter)
        async with aclosing(filled) as parts:
            async for chunk in parts:
                yield chunk

    async def _held(
        self, asked: Sequence[ChatMessage], schema: Mapping[str, Any], limit: int, what: str
    ) -> Chunks:
        """Write JSON that fits a schema in which everything has an end, in `limit` tokens."""
        form = {"type": "json_schema", "json_schema": {"schema": schema}}
        async with aclosing(self._write(asked, response_format=form, max_tokens=limit)) as parts:
            async for chunk in parts:
                yield chunk
        if self._finish != "stop":
            raise BadRequestError(f"The model's context leaves no room for {what}.")

    async def _answer(self, parameter: str) -> Chunks:
        """Write free text, from the conversation alone, as the tool's one argument."""
        yield _fragment(f'{{{json.dumps(parameter)}: "')
        async with aclosing(self._write(self._messages)) as parts:
            async for chunk in parts:
                if isinstance(chunk, ContentChunk):
                    yield _fragment(json.dumps(chunk.content, ensure_ascii=False)[1:-1])
                else:
                    yield chunk
        yield _fragment('"}')

    async def _fill(self, choice: Choice, asked: Sequence[ChatMessage]) -> Chunks:
        """Write what was chosen, and each missing string as a short text of its own."""
        args = dict(choice.args)
        for parameter in free_strings(choice.tool):
            messages = said(asked, "assistant", call_text(choice.tool.name, args))
            messages = said(messages, "user", fill_prompt(choice.tool, parameter))
            limit = fill_limit(choice.tool, parameter)
            text: list[str] = []
            short = self._write(messages, max_tokens=limit // 4, stop=["\n"])
            async with aclosing(_set_aside(short, text)) as parts:
                async for chunk in parts:
                    yield chunk
            args[parameter] = tidy("".join(text), limit, cut=self._finish == "length")
        yield _fragment(json.dumps(args, ensure_ascii=False))

    async def _write(self, messages: Sequence[ChatMessage], **params: Any) -> Chunks:
        """Stream one completion as content, reasoning and status chunks."""
        self._finish = None
        body = {
            **self._params,
            **params,
            "messages": list(messages),
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        async with aclosing(self._engine.stream(body)) as stream:
            async for chunk in stream:
                for part in self._read(chunk):
                    yield part
        if self._finish is None:
            raise IncompleteStreamError("The engine's stream ended without its end.")

    def _read(self, chunk: Chunk | None) -> list[StreamChunk]:
        if chunk is None:
            return [AgentStatusChunk("waiting for a free slot")]
        if usage := chunk.get("usage"):
            self.usage += _usage(usage)
        if progress := chunk.get("prompt_progress"):
            done, total = progress["processed"], progress["total"]
            return [AgentStatusChunk(f"reading: {done} of {total} tokens")]
        parts: list[StreamChunk] = []
        for choice in chunk.get("choices", ()):
            if finish := choice.get("finish_reason"):
                self._finish = _FINISH.get(finish, "other")
            delta = choice.get("delta", {})
            if reasoning := delta.get("reasoning_content"):
                parts.append(ReasoningChunk(reasoning))
            if content := delta.get("content"):
                parts.append(ContentChunk(content))
        return parts


async def _set_aside(parts: Chunks, text: list[str]) -> Chunks:
    """Stream all but the content, which is put into `text`."""
    async with aclosing(parts):
        async for chunk in parts:
            if isinstance(chunk, ContentChunk):
                text.append(chunk.content)
            else:
                yield chunk


def _fragment(arguments: str) -> ToolCallDeltaChunk:
    return ToolCallDeltaChunk(0, arguments=arguments)


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    details = usage.get("prompt_tokens_details") or {}
    return TokenUsage(
        input_tokens=usage.get("prompt_tokens", 0),
        output_tokens=usage.get("completion_tokens", 0),
        cached_tokens=details.get("cached_tokens", 0),
        estimated_cost=0.0,  # nobody charges for it
    )
