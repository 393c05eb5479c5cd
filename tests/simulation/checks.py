"""What is checked of a simulated run: what `verify` checks, and what only its surroundings know."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence
from typing import Any

from massgraph.nodes.actions import fold_space
from massgraph.nodes.agent_turn import CANCELLED, SETTLED
from massgraph.nodes.events import (
    AgentStamp,
    AnswersAccepted,
    Event,
    PresentingStarted,
    RunFinished,
    RunStarted,
    TurnEnded,
    TurnStarted,
    VoteCast,
    WinnerSelected,
)
from massgraph.nodes.record import fold_events
from massgraph.nodes.rules import cast_vote, is_ranked
from massgraph.nodes.state import no_usage
from massgraph.verify import verify
from massgraph.verify.oracle import Polls

from .scenario import OWN, Scenario

SLACK_S = 2.0
"""Virtual seconds that stragglers and rounding may add to a deadline."""

_EXPECTED = ("S10: no keys", "the record has no end")
"""What is not checked of some runs: there are no keys, and a reader may have left."""

_LABEL = re.compile(r"for (agent\d+)")


def check_events(setting: Scenario, events: Sequence[Event], jumped: float) -> None:
    """Check the events of a run, or its first ones, against every invariant.

    Args:
        setting: The scenario.
        events: The events.
        jumped: Seconds that the clock has jumped.
    """
    late = jumped + 10 * setting.saver.slowest_s
    verified = verify(_as_team(setting, events), own=OWN, slack_s=SLACK_S + late)
    assert verified.ok, verified.violations[0]
    unchecked = [note for note in verified.notes if not note.startswith(_EXPECTED)]
    assert not unchecked, unchecked


def _as_team(setting: Scenario, events: Sequence[Event]) -> Sequence[Event]:
    """Return the events of a graph of one's own as of the one that it is but for its notes."""
    if setting.graph != "critic" or not events or not isinstance(events[0], RunStarted):
        return events
    return [dataclasses.replace(events[0], graph="team"), *events[1:]]


def check_whole(
    setting: Scenario, events: Sequence[Event], state: dict[str, Any], jumped: float
) -> None:
    """Check a run that ended by itself, and the fold of its events against the machine's state."""
    check_events(setting, events, jumped)
    assert isinstance(events[-1], RunFinished), "S6: a record ends with run_finished"
    assert events[-1].result["outcome"] in ("settled", "no_answer"), "nobody cancelled the run"
    assert not any(_is_cut(event) for event in events), "nobody cancelled the run"
    for key, value in fold_events(events).state.items():
        assert value == state[key], f"S7: folding the events gives another {key}"


def check_cut(
    setting: Scenario, events: Sequence[Event], result: dict[str, Any], jumped: float
) -> None:
    """Check a run that something may have cut short: its caller, or a store that broke."""
    check_events(setting, _told(events), jumped)
    assert isinstance(events[-1], RunFinished), "S6: a record ends with run_finished"
    assert events[-1].result == result, "S7: the result is not the last event's"
    if result["outcome"] in ("settled", "no_answer"):
        assert not any(_is_cut(event) for event in events), "a cancelled turn's run went on"


def _is_cut(event: Event) -> bool:
    return isinstance(event, TurnEnded) and event.why == CANCELLED


def untold(events: Sequence[Event]) -> dict[str, AgentStamp]:
    """Return the last events of the turns of which nobody says how they ended, by their agents.

    A cancellation that comes between two nodes of a turn meets none of them.
    """
    turns: dict[str, AgentStamp] = {}
    for event in events:
        match event:
            case TurnEnded():
                turns.pop(event.agent, None)
            case AgentStamp() if event.agent in turns or isinstance(event, TurnStarted):
                turns[event.agent] = event
            case _:
                pass
    return turns


def _told(events: Sequence[Event]) -> list[Event]:
    """Return the events of a cancelled run with an end for each of its turns."""
    *before, end = events
    turns = untold(before) if isinstance(end, RunFinished) else {}
    ends: list[Event] = []
    for number, turn in enumerate(turns.values()):
        ended = TurnEnded(
            agent=turn.agent,
            attempt=turn.attempt,
            outcome="interrupted",
            why=CANCELLED,
            kind=None,
            seconds=0.0,
            usage=no_usage(),
            seq=end.seq + number,
            t=end.t,
            round=end.round,
            epoch=end.epoch,
        )
        ends.append(ended)
    return [*before, *ends, dataclasses.replace(end, seq=end.seq + len(ends))]


def check_end(setting: Scenario, events: Sequence[Event]) -> None:
    """Check what the backends know: what they said, what they were asked, what still runs."""
    calls = setting.calls
    assert not calls.problems, calls.problems
    assert calls.running == 0, "S11: a provider call or a tool outlived its run"
    labels = {f"agent{number}": agent for number, agent in enumerate(setting.agents, 1)}
    answers: dict[str, str] = {}
    tried = 0
    for event in events:
        match event:
            case VoteCast() if found := _LABEL.fullmatch(event.reason):
                meant = labels[found[1]]
                assert event.candidate == meant, "S4: a vote is not for whom its label stands for"
            case AnswersAccepted():
                _check_accepted(setting, event, answers)
            case PresentingStarted():
                assert event.attempt > tried or event.run_attempt > 1, "S6: presented twice"
                tried = event.attempt
            case RunFinished():
                _check_stored(event.result)
            case _:
                pass
    if setting.graph in ("team", "critic") and setting.policy.settle_early:
        _check_early(setting, events)


def _check_early(setting: Scenario, events: Sequence[Event]) -> None:
    """Who was not waited for could not have made anybody else win with a vote."""
    policy = setting.policy
    end = next((n for n, event in enumerate(events) if isinstance(event, WinnerSelected)), 0)
    if not end or policy.visibility != "all":
        return
    state, winner = fold_events(events[:end]).state, fold_events(events[: end + 1]).state["winner"]
    ends = {event.agent: event for event in events[:end] if isinstance(event, TurnEnded)}
    answers = {agent: answer["epoch"] for agent, answer in state["answers"].items()}
    live = [agent for agent in setting.agents if agent not in state["failures"]]
    early = [a for a, one in ends.items() if one.why == SETTLED and one.round == state["round"]]
    for voter, candidate in itertools.product(early, answers):
        if policy.self_votes == "forbid" and voter == candidate:
            continue
        ranking = [candidate] if is_ranked(policy.rule) else None
        vote = cast_vote(voter, candidate, "", state["epoch"], ranking)
        polls = Polls(policy, setting.agents, state["votes"] | {voter: vote}, answers, live)
        found = polls.decision
        assert found is not None, "S5: settled early, and one more vote leaves it open"
        assert found.winner == winner, "S5: settled early, and one more vote elects another"


def _check_accepted(setting: Scenario, event: AnswersAccepted, answers: dict[str, str]) -> None:
    """Answers are published as they were given, and not where the same is there already."""
    if setting.graph != "nested":  # where teams give answers, too
        said = all(answer["text"] in setting.calls.answers for answer in event.answers)
        assert said, "S7: nobody gave this answer"
    if setting.graph in ("team", "critic") and setting.policy.visibility == "all":
        known = {fold_space(text) for text in answers.values()}
        new = {fold_space(answer["text"]) for answer in event.answers}
        assert not known & new, "an answer counts that was there already"
    for agent in event.withdrawn:
        answers.pop(agent, None)
    answers |= {answer["agent"]: answer["text"] for answer in event.answers}


def _check_stored(result: dict[str, Any]) -> None:
    """A stored answer is presented byte for byte, and it is the winner's, if that has one."""
    if result["presented"] in ("reuse", "fallback"):
        stored = result["answers"].get(result["winner"])
        assert stored in (None, result["answer"]), "S6: another's answer is presented"
