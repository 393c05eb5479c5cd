"""Mind: a backend whose every reply follows from its request, so that a run can be told again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

from massgraph import LLMBackend, StreamChunk, ToolSchema
from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from massgraph.backends.errors import OverloadedError, RateLimitError
from massgraph.backends.usage import TokenUsage

TOOL = "lookup"
"""The tool that some agents have."""

MARK = "#"
"""What the status begins with that names the request of a reply."""

_NONCE = re.compile(r"\b[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a mind goes about its calls.

    Args:
        refused: The share of requests that are refused once before their first chunk.
        broken: The share of replies that break off once.
        wrong: The share of turns that do something that is no legal action.
        tools: The share of turns in which a tool is used, where there is one.
        votes: The share of turns in which it votes, where it may answer as well.
        slow_s: How long a call takes at most.
    """

    refused: float = 0.0
    broken: float = 0.0
    wrong: float = 0.0
    tools: float = 0.35
    votes: float = 0.75
    slow_s: float = 2.0


@dataclass
class Asked:
    """What the providers of a team were asked while one process lived.

    Args:
        broken: Requests whose reply has broken off already; a provider remembers over crashes.
    """

    broken: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    """Each request but for the nonce of its run -> the request byte for byte; as digests."""
    refused: set[str] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    """How often a request was answered to its end."""
    requests: int = 0
    running: int = 0


def digest(agent: str, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema]) -> str:
    """Return what tells a request from others, all of it."""
    said: list[Any] = [agent, [[tool.name, tool.description, tool.parameters] for tool in tools]]
    for message in messages:
        more = message.tool_calls if isinstance(message, AIMessage) else None
        if isinstance(message, ToolMessage):
            more = message.tool_call_id
        said.append([message.type, message.content, more, message.additional_kwargs])
    return json.dumps(said, sort_keys=True, default=str)


class Mind(LLMBackend):
    """Replies as its request says, and as nothing else does.

    Args:
        agent: Whose it is.
        asked: Where requests are noted.
        manner: How it goes about them.
    """

    model = "mind"

    def __init__(self, agent: str, asked: Asked, manner: Manner) -> None:
        super().__init__()
        self._agent, self._asked, self._manner = agent, asked, manner

    @property
    def provider_name(self) -> str:
        return "mind"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        text, asked = digest(self._agent, messages, tools), self._asked
        request = _short(_NONCE.sub("-", text))
        asked.requests += 1
        asked.sent[request] = _short(text)
        asked.running += 1
        try:
            rng = random.Random(request)
            if rng.random() < self._manner.refused and request not in asked.refused:
                asked.refused.add(request)
                await asyncio.sleep(rng.random())
                raise RateLimitError("not now", retry_after=0.5)
            for chunk in self._reply(rng, request, {tool.name: tool for tool in tools}):
                await asyncio.sleep(rng.random() * self._manner.slow_s / 4)
                if isinstance(chunk, DoneChunk):
                    asked.answered[request] += 1
                yield chunk
        finally:
            asked.running -= 1

    def _reply(
        self, rng: random.Random, request: str, tools: dict[str, ToolSchema]
    ) -> Iterator[StreamChunk]:
        manner, asked = self._manner, self._asked
        yield AgentStatusChunk(MARK + request)
        if rng.random() < 0.5:
            yield ReasoningChunk(f"{self._agent} ponders")
        if rng.random() < manner.broken and request not in asked.broken:
            yield ContentChunk("I was about to say")
            asked.broken.add(request)
            yield ErrorChunk(OverloadedError("cut"))
            return
        yield UsageChunk(TokenUsage(input_tokens=10, output_tokens=5))
        if rng.random() < manner.wrong:
            yield from self._wrong(rng)
            return
        if not tools.keys() & {"vote", "new_answer"}:
            yield ContentChunk(f'"Final: {request}')
            yield ContentChunk(' indeed."')
            yield DoneChunk("stop")
            return
        yield from self._act(rng, request, tools)

    def _act(
        self, rng: random.Random, request: str, tools: dict[str, ToolSchema]
    ) -> Iterator[StreamChunk]:
        if TOOL in tools and rng.random() < self._manner.tools:
            calls = [
                {"name": TOOL, "args": {"q": request}, "id": f"{request}{n}", "type": "tool_call"}
                for n in range(rng.choice([1, 1, 2]))
            ]
            yield ToolCallsChunk(tuple(calls))
        elif "vote" in tools and ("new_answer" not in tools or rng.random() < self._manner.votes):
            yield from _pieces(request, "vote", _vote(rng, tools["vote"]))
        else:
            answer = f"{self._agent} says {request} and {rng.randrange(10)}"
            yield from _pieces(request, "new_answer", {"content": answer})
        yield DoneChunk("tool_calls")

    def _wrong(self, rng: random.Random) -> Iterator[StreamChunk]:
        if rng.random() < 0.5:
            yield ContentChunk("I would rather talk.")
            yield DoneChunk("stop")
            return
        yield from _pieces("bad", "vote", {"agent_id": "agent99", "reason": ""})
        yield DoneChunk("tool_calls")


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def _vote(rng: random.Random, tool: ToolSchema) -> dict[str, Any]:
    asked = tool.parameters["properties"]
    if "ranking" in asked:
        labels = asked["ranking"]["items"]["enum"]
        return {"ranking": rng.sample(labels, len(labels)), "reason": "ranked"}
    return {"agent_id": rng.choice(asked["agent_id"]["enum"]), "reason": "chosen"}


def _pieces(call_id: str, name: str, args: dict[str, Any]) -> Iterator[StreamChunk]:
    text = json.dumps(args)
    half = len(text) // 2
    yield ToolCallDeltaChunk(0, id=call_id, name=name)
    yield ToolCallDeltaChunk(0, arguments=text[:half])
    yield ToolCallDeltaChunk(0, arguments=text[half:])


class _Lookup(BaseModel):
    q: str


def lookup_tool() -> BaseTool:
    """Return a tool whose result follows from what it is asked."""

    async def lookup(q: str) -> str:
        await asyncio.sleep(len(q) / 20)
        return f"found {q[::-1]}"

    return StructuredTool(
        name=TOOL, description="Look something up.", args_schema=_Lookup, coroutine=lookup
    )
