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
from massgraph.nodes.agent_turn import CANCELLED
from massgraph.nodes.events import (
    AgentsReleased,
    AnswersAccepted,
    Event,
    RoundOpened,
    TurnEnded,
    TurnStarted,
    Verdict,
    VoteCast,
    VoteDropped,
)
from massgraph.nodes.live import LiveRun
from massgraph.nodes.record import Record

from ..vloop import run_virtual
from .protocol import Config, State
from .score import NAMES, ROUND_S, Beat, Score, score_of
from .traces import Trace

Account = dict[str, Any]
"""What happened in a round, or at the end, as plain values."""


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


# --- the accounts of both ----------------------------------------------------------------------


def told_by_model(trace: Trace, score: Score) -> Iterator[Account]:
    """Give out what a trace says of each round, and of the end."""
    state, released = trace.first, list[tuple[str, list[str]]]()
    texts: dict[str, str] = {}
    opening = trace.first
    for action, after in trace.steps:
        if action.kind == "close":
            texts = _published(state, after, score, texts)
            yield _round(opening, state, after, released, texts)
            opening, released = after, []
        stopped = _stopped(state, after) if action.kind == "answer" else []
        if stopped:
            released.append((NAMES[action.agent], stopped))
        state = after
    yield {
        "outcome": state.outcome,
        "winner": _name(state.winner),
        "settled_by": state.settled_by or None,
        "presented": state.presented or None,
        "failed": sorted(_names(state.failed)),
        "drafts": {NAMES[a]: n for a, n in enumerate(state.drafts) if n},
        "votes": _votes(state),
        "debates": state.debates,
        "limit": state.limit or None,
        "answer": _final(state, trace, texts),
        "dissent": sorted(_dissent(trace.config, state)),
    }


def _dissent(config: Config, state: State) -> list[str]:
    if state.winner < 0:
        return []
    ignored = config.self_votes == "ignore" and config.agents > 1
    return [
        NAMES[a]
        for a, v in enumerate(state.votes)
        if v and v.target != state.winner and not (ignored and v.target == a)
    ]


def _final(state: State, trace: Trace, texts: dict[str, str]) -> str | None:
    if state.outcome == "no_answer":
        return None
    return "the final answer" if state.presented == "present" else texts.get(NAMES[state.winner])


def _published(state: State, after: State, score: Score, texts: dict[str, str]) -> dict[str, str]:
    known = dict(texts)
    for agent, seat in enumerate(state.seats):
        if seat.kind == "answer":
            known.pop(NAMES[agent], None)
            if seat.arg == agent:
                known[NAMES[agent]] = score.texts[state.round, agent]
    return known


def _round(
    opening: State,
    state: State,
    after: State,
    released: list[tuple[str, list[str]]],
    texts: dict[str, str],
) -> Account:
    """Tell of a round: how it was opened, how its turns ended, and what came of it."""
    cast = {NAMES[a]: NAMES[s.arg] for a, s in enumerate(state.seats) if s.kind == "vote"}
    dropped = after.verdict == "new_answer"
    answers = {NAMES[a]: epoch for a, epoch in enumerate(after.answers) if epoch}
    shown = [f"agent{a + 1}" for a, epoch in enumerate(opening.answers) if epoch]
    kinds = {"answer": "new_answer"}
    return {
        "round": opening.round,
        "epoch": opening.epoch,
        "asked": _names(s.kind != "out" for s in opening.seats),
        "shown": shown,
        "outcomes": {
            NAMES[a]: kinds.get(s.kind, s.kind)
            for a, s in enumerate(state.seats)
            if s.kind != "out"
        },
        "released": released,
        "cast": {} if dropped else cast,
        "dropped": cast if dropped else {},
        "verdict": after.verdict,
        "next epoch": after.epoch,
        "answers": {name: (texts.get(name), epoch) for name, epoch in answers.items()},
        "votes": _votes(after),
        "failed": sorted(_names(after.failed)),
    }


def _votes(state: State) -> dict[str, tuple[str, int]]:
    return {NAMES[a]: (NAMES[v.target], v.epoch) for a, v in enumerate(state.votes) if v}


def _stopped(before: State, after: State) -> list[str]:
    return sorted(
        NAMES[a]
        for a, (old, new) in enumerate(zip(before.seats, after.seats, strict=True))
        if new.kind == "interrupted" != old.kind
    )


def _names(flags: Any) -> list[str]:
    return [NAMES[a] for a, flag in enumerate(flags) if flag]


def _name(agent: int) -> str | None:
    return None if agent < 0 else NAMES[agent]


def told_by_engine(events: Sequence[Event], state: dict[str, Any]) -> list[Account]:
    """Return what the events say of each round, and the state of the end."""
    told: list[Account] = []
    record = Record()
    for event in events:
        if isinstance(event, RoundOpened) and told:
            _after(told[-1], record)
        record.add(event)
        if isinstance(event, RoundOpened):
            told.append(_opened(event))
        elif told:
            _tell(told[-1], event)
            if isinstance(event, Verdict) and event.verdict in ("settled", "no_answer"):
                _after(told[-1], record)
    told.append(
        {
            "outcome": state["outcome"],
            "winner": state["winner"],
            "settled_by": state["settled_by"],
            "presented": state["presented"],
            "failed": sorted(state["failures"]),
            "drafts": dict(sorted(state["drafts"].items())),
            "votes": {a: (v["candidate"], v["epoch"]) for a, v in state["votes"].items()},
            "debates": state["debates"],
            "limit": state["limit"],
            "answer": state["answer"],
            "dissent": sorted(v["voter"] for v in state["dissent"]),
        }
    )
    return told


def _opened(event: RoundOpened) -> Account:
    return {
        "round": event.round,
        "epoch": event.epoch,
        "asked": list(event.asked),
        "shown": None,
        "outcomes": {},
        "released": [],
        "cast": {},
        "dropped": {},
        "verdict": "",
    }


def _tell(account: Account, event: Event) -> None:
    match event:
        case TurnStarted():
            account["shown"] = list(event.answers)
        case TurnEnded() if event.why != CANCELLED:
            ended = account["outcomes"]
            if event.agent in ended:
                raise AssertionError(f"S1: two outcomes of {event.agent} in {account}")
            ended[event.agent] = event.outcome
        case AgentsReleased():
            account["released"].append((event.because_of, sorted(event.agents)))
        case VoteCast():
            account["cast"][event.voter] = event.candidate
        case VoteDropped():
            account["dropped"][event.voter] = event.candidate
        case Verdict():
            account["verdict"] = event.verdict
        case AnswersAccepted():
            account["next epoch"] = event.epoch
        case _:
            pass


def _after(account: Account, record: Record) -> None:
    """Add what the fold says once the machine has acted upon the verdict."""
    folded = record.state
    account["next epoch"] = folded["epoch"]
    account["answers"] = {a: (v["text"], v["epoch"]) for a, v in folded["answers"].items()}
    account["votes"] = {a: (v["candidate"], v["epoch"]) for a, v in folded["votes"].items()}
    account["failed"] = sorted(folded["failures"])
