"""A stage for tests of the protocol: scripted actors, a virtual clock, and all that was said.

    played = play(alice=[answer("4"), vote()], bob=[answer("5"), vote("agent1")])
    assert played.result.winner == "alice"

Every play asserts what holds for each of them: the events are numbered without a gap, folding
them gives the result, nobody was asked more often than allowed, and no task is left behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from massgraph import Agent, LLMBackend, Policy, Result, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
)
from massgraph.backends.scripted import ScriptedBackend
from massgraph.graphs.composition import GraphFactory
from massgraph.nodes.events import CallEnded, Event, TurnEnded
from massgraph.nodes.record import fold_events
from massgraph.nodes.state import add_usage, no_usage

from ..vloop import run_virtual

E = TypeVar("E")

Turn = Mapping[str, Any]
Script = Sequence[Turn]

QUESTION = "Which is larger, 9.11 or 9.9?"
INFINITE: dict[str, Any] = {"soft_deadline_s": 1e6, "round_deadline_s": 1e6, "run_deadline_s": 1e7}
"""A policy without deadlines, for what must end without one."""


def answer(content: str, **more: Any) -> Turn:
    """Return a turn that gives this new answer."""
    return {"new_answer": content, **more}


def vote(label: str = "first", reason: str = "", **more: Any) -> Turn:
    """Return a turn that votes."""
    return {"vote": label, "reason": reason, **more}


def calls(*named: tuple[str, Mapping[str, Any]], **more: Any) -> Turn:
    """Return a turn that calls these tools."""
    return {"tool_calls": [{"name": name, "args": dict(args)} for name, args in named], **more}


def final(text: str, **more: Any) -> Turn:
    """Return the turn of a presenter."""
    return {"text": text, "when": "present", **more}


@dataclass(slots=True)
class Call:
    """One call of a provider: what it was sent, and when it began and ended, in seconds."""

    messages: list[AnyMessage]
    tools: list[ToolSchema]
    began: float
    ended: float | None = None
    stopped: bool = False

    @property
    def names(self) -> set[str]:
        """The names of the tools that were offered."""
        return {tool.name for tool in self.tools}

    @property
    def targets(self) -> list[str]:
        """The labels that could be voted for."""
        votes = [tool for tool in self.tools if tool.name == "vote"]
        return [label for t in votes for label in t.parameters["properties"]["agent_id"]["enum"]]

    @property
    def text(self) -> str:
        """Everything that was sent, as one text."""
        return "\n".join(message.text for message in self.messages)

    @property
    def tool_results(self) -> list[ToolMessage]:
        """The results of tool calls that were sent."""
        return [message for message in self.messages if isinstance(message, ToolMessage)]

    def unanswered(self) -> list[str]:
        """Return the ids of tool calls that have no result of their own right behind them."""
        missing: list[str] = []
        for place, message in enumerate(self.messages):
            if not isinstance(message, AIMessage) or not message.tool_calls:
                continue
            asked = [call["id"] or "" for call in message.tool_calls]
            following = self.messages[place + 1 : place + 1 + len(asked)]
            got = [m.tool_call_id for m in following if isinstance(m, ToolMessage)]
            missing += [one for one in asked if got.count(one) != 1]
        return missing


class Actor(ScriptedBackend):
    """A scripted backend that keeps what it was sent."""

    def __init__(self, turns: Script) -> None:
        super().__init__(turns)
        self.heard: list[Call] = []
        self.asked = asyncio.Event()
        """Set once the first call has begun."""

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        call = Call(list(messages), list(tools), began=asyncio.get_running_loop().time())
        self.heard.append(call)
        self.asked.set()
        try:
            async for chunk in self.perform(messages, tools, **params):
                yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            call.stopped = True
            raise
        finally:
            call.ended = asyncio.get_running_loop().time()

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Play the next turn; what an actor of one's own overrides."""
        return super().stream_with_tools(messages, tools, **params)


class Improvised(Actor):
    """An actor that follows a function instead of a script.

    Args:
        act: From the number of the call (from 1) and the tools to the chunks.
    """

    def __init__(self, act: Callable[[int, set[str]], AsyncIterator[StreamChunk]]) -> None:
        super().__init__([{"text": "never played"}])
        self._act = act

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        self.calls += 1
        return self._act(self.calls, {tool.name for tool in tools})


def whole(tool: str, call_id: str = "call_1", **args: Any) -> ToolCallsChunk:
    """Return a chunk with one whole tool call."""
    return ToolCallsChunk(({"name": tool, "args": args, "id": call_id, "type": "tool_call"},))


async def says(text: str) -> AsyncIterator[StreamChunk]:
    """Say a text and be done."""
    yield ContentChunk(text)
    yield DoneChunk("stop")


async def drafts(text: str) -> AsyncIterator[StreamChunk]:
    """Give a new answer."""
    yield whole("new_answer", content=text)
    yield DoneChunk("tool_calls")


async def votes(label: str = "agent1") -> AsyncIterator[StreamChunk]:
    """Vote."""
    yield whole("vote", agent_id=label, reason="")
    yield DoneChunk("tool_calls")


def begun(name: str) -> ToolCallDeltaChunk:
    """Return the chunk with which a call of a tool begins."""
    return ToolCallDeltaChunk(0, id="b1", name=name)


@dataclass(slots=True)
class Played:
    """A run that was played to its end."""

    result: Result
    events: list[Event]
    cast: dict[str, LLMBackend]
    seconds: float
    """How long it took, on the virtual clock."""
    heard: dict[str, list[Call]] = field(default_factory=dict)

    def of(self, kind: type[E], agent: str | None = None) -> list[E]:
        """Return the events of one type, of one agent if it is named."""
        found = [event for event in self.events if isinstance(event, kind)]
        return [e for e in found if agent is None or getattr(e, "agent", None) == agent]

    def outcomes(self, agent: str) -> list[str]:
        """Return how an agent's turns ended, in order."""
        return [event.outcome for event in self.of(TurnEnded, agent)]

    def of_round_seconds(self, number: int) -> float:
        """Return how long a round took, from its opening to its verdict."""
        times = [event.t for event in self.events if event.round == number]
        return max(times) - min(times)

    @property
    def requests(self) -> Counter[tuple[str, int]]:
        """How many requests each turn made: (agent, round) -> requests."""
        counted: Counter[tuple[str, int]] = Counter()
        for event in self.of(TurnEnded):
            counted[event.agent, event.round] += event.usage["calls"] + event.usage["retries"]
        return counted


def cast_of(agents: Mapping[str, Script | LLMBackend]) -> dict[str, LLMBackend]:
    """Return a backend for each agent: its own, or an actor with its script."""
    return {
        agent: part if isinstance(part, LLMBackend) else Actor(part)
        for agent, part in agents.items()
    }


def play(
    policy: Mapping[str, Any] | None = None,
    *,
    question: str = QUESTION,
    graph: str | GraphFactory = "team",
    more: Mapping[str, Mapping[str, Any]] | None = None,
    **agents: Script | LLMBackend,
) -> Played:
    """Play a run on a virtual clock, and check what holds for every run.

    Args:
        policy: The policy's keys.
        question: The question.
        graph: The graph in which they coordinate.
        more: Further arguments of an agent, by its id.
        **agents: The team: scripts or backends, in registration order.
    """
    cast = cast_of(agents)
    team = Team(
        [Agent(agent, backend, **(more or {}).get(agent, {})) for agent, backend in cast.items()],
        Policy(**(policy or {})),
        graph=graph,
    )
    return run_virtual(play_team(team, question, cast))


async def play_team(
    team: Team,
    question: str = QUESTION,
    cast: Mapping[str, LLMBackend] | None = None,
    *,
    thread_id: str | None = None,
) -> Played:
    """Play a run of a team on the running loop; see `play`."""
    loop = asyncio.get_running_loop()
    before, began = asyncio.all_tasks(), loop.time()
    run = team.start(question, thread_id=thread_id)
    events = [event async for event in run]
    result = await run.result()
    seconds = loop.time() - began
    left = asyncio.all_tasks() - before
    assert not left, f"tasks are left: {left}"
    check(events, result)
    cast = dict(cast or {})
    heard = {agent: actor.heard for agent, actor in cast.items() if isinstance(actor, Actor)}
    return Played(result, events, cast, seconds, heard)


def check(events: Sequence[Event], result: Result) -> None:
    """Assert what holds for the events and the result of every run."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.t for event in events] == sorted(event.t for event in events)
    assert [event.type for event in events].count("run_finished") == 1
    assert events[-1].type == "run_finished"
    assert events[-1].result == result.to_dict()
    record = fold_events(events[:-1])
    ended = record.ended(result.outcome, result.duration_s)
    assert ended | {"answer": result.answer} == result.to_dict()
    for agent, used in result.to_dict()["usage"].items():
        calls = [
            e.usage for e in events if isinstance(e, CallEnded) and agent in (e.agent, "total")
        ]
        told = reduce(add_usage, calls, no_usage())
        assert {**told, "cost_usd": None} == {**used, "cost_usd": None}, "calls make up the usage"
