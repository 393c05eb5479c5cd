"""Agents and tools that do everything wrong that can be done."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

from massgraph import LLMBackend, StreamChunk, ToolSchema
from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from massgraph.backends.errors import BackendErrorKind, error_class
from massgraph.backends.usage import TokenUsage

KINDS: tuple[BackendErrorKind, ...] = (
    "auth",
    "rate_limit",
    "overloaded",
    "timeout",
    "bad_request",
    "connection",
    "incomplete_stream",
    "malformed",
    "refused",
)


TOOL = "lookup"
"""The name of the tool that some agents have."""


WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""What answers are made of, so that some are close to each other."""


_FENCED = re.compile(r"<(\w+) (\w+)>\n(.*?)\n</\1 \2>", re.DOTALL)
"""What stands in a fence, with its label."""


@dataclass
class Calls:
    """What a team's backends were asked, and the answers that they gave."""

    problems: list[str] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)
    answers: dict[str, None] = field(default_factory=dict)
    given: dict[str, set[str]] = field(default_factory=dict)
    """Who has given which answers."""
    owners: dict[str, str] = field(default_factory=dict)
    """Who is meant by the labels and ids in fences; none where teams have labels of their own."""
    running: int = 0
    check: Callable[[Sequence[AnyMessage]], None] = field(default=lambda _: None)
    """Called with each request."""


@dataclass(frozen=True)
class Patience:
    """How long a run may wait for a provider; None for ever.

    Args:
        idle_s: Seconds of silence.
        call_s: Seconds of a request.
        slack_s: Seconds more, in which a call is stopped.
    """

    idle_s: float | None = None
    call_s: float | None = None
    slack_s: float = 5.0

    def exceeded(self, silent_s: float, took_s: float) -> str | None:
        """Return what has lasted too long."""
        for what, seconds, most in (
            ("silent", silent_s, self.idle_s),
            ("waited for", took_s, self.call_s),
        ):
            if most is not None and seconds > most + self.slack_s:
                return f"it was {what} for {seconds:.1f} s, and {most:g} s are allowed"
        return None


class ChaosBackend(LLMBackend):
    """Does something random at each call: more often right than wrong.

    Args:
        seed: What it does.
        name: Its agent, for reports.
        calls: Where calls are counted.
        wrongness: The share of its calls in which it does something wrong.
        patience: How long it may keep others waiting.
    """

    def __init__(
        self,
        seed: int,
        name: str,
        calls: Calls,
        wrongness: float,
        patience: Patience = Patience(),
    ) -> None:
        super().__init__()
        self._rng, self._name, self._calls = random.Random(seed), name, calls
        self._wrongness, self._patience = wrongness, patience

    @property
    def provider_name(self) -> str:
        return "chaos"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        self._look_at(messages)
        self._calls.check(messages)
        self._calls.begun[self._name] += 1
        self._calls.running += 1
        loop = asyncio.get_running_loop()
        begun = heard = _time(loop)
        try:
            async with aclosing(self._play({tool.name: tool for tool in tools})) as chunks:
                async for chunk in chunks:
                    yield chunk
                    heard = _time(loop)
        finally:
            self._calls.running -= 1
            now = _time(loop)
            why = self._patience.exceeded(now - heard, now - begun)
            if why is not None:
                self._calls.problems.append(f"L2: {self._name}: {why}")

    def _look_at(self, messages: Sequence[AnyMessage]) -> None:
        """Complain as a strict provider does: each call answered once, each result asked for."""
        asked: set[str] = set()
        for message in messages:
            if isinstance(message, ToolMessage):
                if message.tool_call_id not in asked:
                    self._calls.problems.append(f"{self._name}: a result that nobody asked for")
                asked.discard(message.tool_call_id)
            elif asked:
                self._calls.problems.append(f"{self._name}: unanswered calls {asked}")
                asked = set()
            if isinstance(message, AIMessage):
                asked = {call["id"] or "" for call in message.tool_calls}
        if asked:
            self._calls.problems.append(f"{self._name}: unanswered calls {asked}")
        if self._calls.owners:
            self._look_into(" ".join(message.text for message in messages))

    def _look_into(self, text: str) -> None:
        """Complain of an answer under a label of somebody who has not given it."""
        for label, _, answer in _FENCED.findall(text):
            owner = self._calls.owners.get(label)
            if owner is not None and answer not in self._calls.given.get(owner, ()):
                self._calls.problems.append(f"S4: {self._name} is shown another's under {label}")

    async def _play(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        rng = self._rng
        await asyncio.sleep(rng.choice([0, 0.01, 0.1, 1, 7]) * rng.random())
        if rng.random() < self._wrongness:
            async with aclosing(rng.choice(self._faults())(tools)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        if not tools.keys() & {"vote", "new_answer"}:
            for _ in range(rng.randrange(1, 5)):
                yield ContentChunk(f"final words {rng.random():.3f} ")
                await asyncio.sleep(rng.random())
            yield DoneChunk()
            return
        if TOOL in tools and rng.random() < 0.3:
            questions = [(TOOL, {"q": "x"})] * rng.choice([1, 1, 2, 3])
            async with aclosing(self._calls_of(questions)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        vote = "vote" in tools and ("new_answer" not in tools or rng.random() < 0.75)
        async with aclosing(
            self._calls_of([self._vote(tools) if vote else self._answer()])
        ) as chunks:
            async for chunk in chunks:
                yield chunk

    def _answer(self) -> tuple[str, dict[str, Any]]:
        if self._calls.answers and self._rng.random() < 0.1:
            return "new_answer", {"content": self._gives(self._rng.choice([*self._calls.answers]))}
        words = [self._rng.choice(WORDS) for _ in range(self._rng.randrange(1, 9))]
        said = f"{self._rng.random()} \\ **x** {' '.join(words)}"
        text = f"{self._name} says {said}{self._rng.choice(['', '', ' ', chr(10)])}"
        return "new_answer", {"content": self._gives(text)}

    def _gives(self, text: str) -> str:
        """Note an answer."""
        self._calls.answers[text] = None
        self._calls.given.setdefault(self._name, set()).add(text)
        return text

    def _vote(self, tools: dict[str, ToolSchema]) -> tuple[str, dict[str, Any]]:
        rng, asked = self._rng, tools["vote"].parameters["properties"]
        if "ranking" in asked:
            labels = asked["ranking"]["items"]["enum"]
            ranking = rng.sample(labels, rng.randrange(1, len(labels) + 1))
            return "vote", {"ranking": ranking, "reason": f"for {ranking[0]}"}
        label = rng.choice(asked["agent_id"]["enum"])
        return "vote", {"agent_id": label, "reason": f"for {label}"}

    async def _calls_of(
        self, calls: Sequence[tuple[str, dict[str, Any]]]
    ) -> AsyncGenerator[StreamChunk, None]:
        rng = self._rng
        if rng.random() < 0.3:
            yield ContentChunk("thinking aloud")
        if rng.random() < 0.3:
            yield ToolCallsChunk(
                tuple(
                    {"name": name, "args": args, "id": f"w{n}", "type": "tool_call"}
                    for n, (name, args) in enumerate(calls)
                )
            )
        else:
            for index, (name, args) in enumerate(calls):
                yield ToolCallDeltaChunk(index, id=f"d{index}", name=name)
                text = json.dumps(args)
                while text:
                    cut = rng.randrange(1, 12)
                    yield ToolCallDeltaChunk(index, arguments=text[:cut])
                    text = text[cut:]
                    if rng.random() < 0.2:
                        await asyncio.sleep(rng.random())
        yield UsageChunk(TokenUsage(input_tokens=10, output_tokens=5))
        yield DoneChunk("tool_calls")

    def _faults(self) -> list[Callable[[dict[str, ToolSchema]], AsyncGenerator[StreamChunk, None]]]:
        return [
            self._raises,
            self._error,
            self._breaks,
            self._hangs,
            self._babbles,
            self._talks,
            self._wrong_calls,
            self._repeats,
            self._bad_json,
            self._ends_early,
            self._ignores_cancellation,
            self._out_of_order,
            self._goes_on_after_its_end,
            self._same_ids,
            self._much,
            self._nothing_much,
        ]

    async def _raises(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        if self._rng.random() < 0.5:
            yield ContentChunk("I was about to say")
        raise RuntimeError("a bug in an adapter")

    async def _error(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        kind = self._rng.choice(KINDS)
        after = self._rng.choice([None, 0.5, 30.0, 500.0])
        yield ErrorChunk(error_class(kind)("simulated", retry_after=after))

    async def _breaks(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        yield ToolCallDeltaChunk(0, id="b", name="new_answer", arguments='{"content": "half of')
        await asyncio.sleep(self._rng.random())
        raise error_class(self._rng.choice(KINDS))("cut")

    async def _hangs(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        if self._rng.random() < 0.5:
            yield ContentChunk("hm")
        await asyncio.Event().wait()

    async def _babbles(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        while True:
            yield ContentChunk("and another thing ")
            await asyncio.sleep(5)

    async def _talks(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        yield ContentChunk(self._rng.choice(["", "I vote for agent1.", '{"name": "vote"}']))
        yield DoneChunk(self._rng.choice(["stop", "length", "refusal", "other"]))

    async def _wrong_calls(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        votes = [("vote", {"agent_id": "agent1", "reason": "one"})] * 2
        both = [self._answer(), ("vote", {"agent_id": "agent1"})]
        wrong: list[list[tuple[str, dict[str, Any]]]] = [
            votes,
            both,
            [("vote", {"agent_id": "agent99", "reason": ""})],
            [("vote", {"agent_id": ["agent1"]})],
            [("vote", {"ranking": ["agent1", "agent1"]})],
            [("vote", {"ranking": []})],
            [("new_answer", {"content": ""})],
            [("new_answer", {"content": 7})],
            [("new_answer", {})],
            [("unknown", {"q": "x"})],
            [(TOOL, {"q": "x"}), self._answer()],
            [(TOOL, {"q": ["x"]})],
            [(TOOL, {})],
        ]
        async with aclosing(self._calls_of(self._rng.choice(wrong))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _repeats(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        text = self._gives("the  same\nfor all")
        async with aclosing(self._calls_of([("new_answer", {"content": text})])) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _bad_json(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        yield ToolCallDeltaChunk(0, id="j", name="vote", arguments='{"agent_id": ')
        yield DoneChunk("tool_calls")

    async def _ends_early(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        if self._rng.random() < 0.5:
            yield ContentChunk("that is")

    async def _ignores_cancellation(
        self, tools: dict[str, ToolSchema]
    ) -> AsyncGenerator[StreamChunk, None]:
        yield ContentChunk("wait")
        await stay(self._rng.choice([0.1, 3.0]))
        yield DoneChunk()

    async def _out_of_order(
        self, tools: dict[str, ToolSchema]
    ) -> AsyncGenerator[StreamChunk, None]:
        """Pieces of calls before their names, or from the last one to the first."""
        (name, args), text = self._answer(), ""
        text = json.dumps(args)
        half = len(text) // 2
        pieces: list[StreamChunk] = [
            ToolCallDeltaChunk(1, arguments=text[:half]),
            UsageChunk(TokenUsage(input_tokens=1, output_tokens=1)),
            ToolCallDeltaChunk(0, id="o", name=name),
            ToolCallDeltaChunk(0, arguments=text[half:]),
            ToolCallDeltaChunk(1, id="p", name="vote"),
            ContentChunk("by the way"),
        ]
        self._rng.shuffle(pieces)
        for piece in pieces:
            yield piece
            await asyncio.sleep(self._rng.choice([0, 0.1]))
        yield DoneChunk("tool_calls")

    async def _goes_on_after_its_end(
        self, tools: dict[str, ToolSchema]
    ) -> AsyncGenerator[StreamChunk, None]:
        """An end that is none, of an unknown kind: what comes after it does not count."""
        for call in [[self._answer()], [("vote", {"agent_id": "agent1", "reason": "late"})]]:
            async with aclosing(self._calls_of(call)) as chunks:
                async for chunk in chunks:
                    yield chunk
        yield ErrorChunk(error_class("malformed")("after the end"))
        ends: list[Any] = ["stop", "bored"]
        yield DoneChunk(self._rng.choice(ends))

    async def _same_ids(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        """Two calls under one id, in one piece each or in several."""
        name, args = (TOOL, {"q": "x"}) if TOOL in tools else self._answer()
        for index in range(2):
            yield ToolCallDeltaChunk(index, id="twin", name=name, arguments=json.dumps(args))
        yield DoneChunk("tool_calls")

    async def _much(self, tools: dict[str, ToolSchema]) -> AsyncGenerator[StreamChunk, None]:
        """An answer of many kilobytes, in one piece or in a hundred."""
        name, args = self._answer()
        args = {"content": args["content"] + "and so on " * 4000}
        self._gives(args["content"])
        text = json.dumps(args)
        step = self._rng.choice([len(text), len(text) // 100])
        for at in range(0, len(text), step):
            yield ToolCallDeltaChunk(
                0, id="m", name=name if at == 0 else None, arguments=text[at : at + step]
            )
        yield DoneChunk("tool_calls")

    async def _nothing_much(
        self, tools: dict[str, ToolSchema]
    ) -> AsyncGenerator[StreamChunk, None]:
        """Pieces without anything in them, and perhaps an end."""
        for _ in range(self._rng.randrange(1, 9)):
            yield ContentChunk("")
            yield ToolCallDeltaChunk(0, arguments="")
            await asyncio.sleep(self._rng.random())
        if self._rng.random() < 0.5:
            yield DoneChunk("stop")


class Lookup(BaseModel):
    """What the tool takes."""

    q: str


def chaos_tool(seed: int, calls: Calls) -> BaseTool:
    """Return a tool that works, takes its time, raises, hangs or does not stop."""
    rng = random.Random(seed)

    async def works() -> str:
        return f"found {rng.random()}"

    async def takes_time() -> str:
        await asyncio.sleep(rng.choice([0.1, 3.0, 30.0]) * rng.random())
        return "found late"

    async def raises() -> str:
        raise rng.choice([ValueError("a bug in a tool"), TimeoutError(), asyncio.CancelledError()])

    async def hangs() -> str:
        await asyncio.Event().wait()
        return "never"

    async def ignores_cancellation() -> str:
        await stay(rng.choice([0.1, 3.0]))
        return "found in the end"

    async def lookup(q: str) -> str:
        calls.running += 1
        try:
            does = [works, works, takes_time, takes_time, raises, hangs, ignores_cancellation]
            return await rng.choice(does)()
        finally:
            calls.running -= 1

    return StructuredTool(
        name=TOOL, description="Look something up.", args_schema=Lookup, coroutine=lookup
    )


def _time(loop: asyncio.AbstractEventLoop) -> float:
    """Return the time without the jumps of the clock."""
    return loop.time() - float(getattr(loop, "jumped", 0.0))


async def stay(seconds: float) -> None:
    """Wait, whoever cancels it."""
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
