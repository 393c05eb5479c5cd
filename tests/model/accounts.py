"""What a run came to, round by round: as a trace says it, and as the engine's events do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
from massgraph.nodes.record import Record

from .protocol import Config, State
from .score import NAMES, Score
from .traces import Trace

Account = dict[str, Any]
"""What happened in a round, or at the end, as plain values."""


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
