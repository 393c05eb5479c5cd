"""Replay traces of the model on the engine, and compare the two round by round.

The engine is the real one, under a virtual clock; only the models of its agents are played.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from pprint import pformat
from typing import Any

from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, LLMBackend, Policy, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import ContentChunk, DoneChunk, ErrorChunk, StreamChunk
from massgraph.backends.errors import error_class
from massgraph.nodes.events import Event
from massgraph.nodes.live import LiveRun

from ..vloop import run_virtual
from .accounts import Account, told_by_engine, told_by_model
from .protocol import Config
from .score import NAMES, ROUND_S, Beat, Score, score_of
from .traces import Trace


class DifferenceError(AssertionError):
    """The engine and the model came to different things."""

    def __init__(self, trace: Trace, model: Account, engine: Account) -> None:
        keys = [key for key in {**model, **engine} if model.get(key) != engine.get(key)]
        parts = [f"The engine differs from the model in {', '.join(keys)}.", trace.text]
        for name, account in (("model", model), ("engine", engine)):
            parts.append(f"{name}: {pformat(account, width=100, sort_dicts=False)}")
        parts.append(f"Replay it: {command(trace)}")
        super().__init__("\n".join(parts))


def command(trace: Trace) -> str:
    """Return the command that replays a trace."""
    return f"python -m tests.model --replay '{trace.text}'"


class Player(LLMBackend):
    """A model that says what a score tells it to, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[Beat]] = []
        self.final: str | None = ""
        self.problems: list[str] = []

    @property
    def provider_name(self) -> str:
        return "player"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        if not {tool.name for tool in tools} & {"vote", "new_answer"}:
            for chunk in self._presented():
                yield chunk
            return
        if not self.calls:
            self.problems.append("called more often than the model says")
            yield ErrorChunk(error_class("auth")("nothing to say"))
            return
        began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        for at, chunks in self.calls.pop(0):
            await asyncio.sleep(began + at - loop.time())
            for chunk in chunks:
                yield chunk
            if isinstance(chunks[-1], DoneChunk | ErrorChunk):
                return
        await asyncio.Event().wait()

    def _presented(self) -> Iterator[StreamChunk]:
        if self.final == "":
            self.problems.append("asked to present, which the model does not say")
        if self.final:
            yield ContentChunk(self.final)
            yield DoneChunk("stop")
        else:
            yield ErrorChunk(error_class("auth")("simulated"))


class Company:
    """A compiled team of players, for all traces of a policy."""

    def __init__(self, config: Config, run_deadline_s: float | None, max_calls: int | None) -> None:
        self.players = {name: Player() for name in NAMES[: config.agents]}
        policy = Policy(
            rule=config.rule,
            quorum=config.quorum,
            self_votes=config.self_votes,
            on_new_answer=config.on_new_answer,
            max_answers_per_agent=config.answers,
            max_debate_rounds=config.debates,
            max_unfinished_rounds=config.unfinished,
            single=config.single,
            attempts=2,
            idle_timeout_s=None,
            soft_deadline_s=ROUND_S,
            round_deadline_s=ROUND_S,
            run_deadline_s=run_deadline_s or 1e7,
            max_calls=max_calls,
        )
        team = Team([Agent(name, player) for name, player in self.players.items()], policy)
        self.graph: Any = team.compile()

    def play(self, score: Score) -> tuple[list[Event], dict[str, Any]]:
        """Play a score on the engine, over as many attempts as it takes."""
        for number, player in enumerate(self.players.values()):
            player.calls = list(score.calls[number])
            player.final = score.finals.get(number, "")
            player.problems = []
        return run_virtual(self._play(score))

    async def _play(self, score: Score) -> tuple[list[Event], dict[str, Any]]:
        events: list[Event] = []
        self.graph.checkpointer = InMemorySaver() if score.crashes else None
        config: Any = {"configurable": {"thread_id": "t"}}
        given: Any = {"messages": [("human", "What?")]}
        for attempt, crash in enumerate([*score.crashes, None], 1):
            live = LiveRun(sink=events.append, thread_id="t", run_attempt=attempt)
            work = self.graph.ainvoke(given, config, context=live)
            given = None
            if crash is None:
                return events, await work
            task = asyncio.create_task(work)
            await asyncio.sleep(crash)
            task.cancel()
            await asyncio.wait({task})
            await live.aclose()
            if not task.cancelled():
                raise RuntimeError("the run had ended before it was to crash")
        raise RuntimeError("no attempt is the last one")

    def problems(self) -> list[str]:
        """What the players have to complain about."""
        found = [f"{name}: {text}" for name, p in self.players.items() for text in p.problems]
        unsaid = [f"{name}: called less often" for name, p in self.players.items() if p.calls]
        return found + unsaid


@lru_cache(maxsize=64)
def company(config: Config, run_deadline_s: float | None, max_calls: int | None) -> Company:
    """Return a company for a policy."""
    return Company(config, run_deadline_s, max_calls)


def replay(trace: Trace) -> list[Event]:
    """Replay a trace on the engine.

    Raises:
        DifferenceError: When they come to different things.
    """
    score = score_of(trace)
    players = company(trace.config, score.run_deadline_s, score.max_calls)
    try:
        events, state = players.play(score)
    except Exception as exc:
        raise DifferenceError(trace, {"raises": None}, {"raises": repr(exc)}) from exc
    expected, seen = list(told_by_model(trace, score)), told_by_engine(events, state)
    for model, engine in zip(expected, seen, strict=False):
        if model != engine:
            raise DifferenceError(trace, model, engine)
    if len(expected) != len(seen):
        last = {"rounds": len(expected)}, {"rounds": len(seen)}
        raise DifferenceError(trace, *last)
    problems = players.problems()
    if problems:
        raise DifferenceError(trace, {"problems": []}, {"problems": problems})
    return events
