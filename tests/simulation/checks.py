"""What is checked of a simulated run: what `verify` checks, and what only its surroundings know."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from massgraph.nodes.agent_turn import CANCELLED
from massgraph.nodes.events import (
    AnswersAccepted,
    AnswerText,
    CallEnded,
    DeadlineReached,
    Event,
    RoundOpened,
    RunFinished,
    RunResumed,
    RunStarted,
    TurnEnded,
    VoteCast,
    WinnerSelected,
)
from massgraph.nodes.record import fold_events
from massgraph.outcomes import OVER
from massgraph.verify import verify

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
    if setting.graph != "critic":
        return events
    return [
        dataclasses.replace(event, graph="team")
        if isinstance(event, RunStarted | RunResumed)
        else event
        for event in events
    ]


def check_whole(
    setting: Scenario, events: Sequence[Event], state: dict[str, Any], jumped: float
) -> None:
    """Check a run that ended by itself, and the fold of its events against the machine's state."""
    check_events(setting, events, jumped)
    check_hurried(setting, events, jumped)
    assert isinstance(events[-1], RunFinished), "S6: a record ends with run_finished"
    assert events[-1].result["outcome"] in OVER, "nobody cancelled the run"
    assert not any(_is_cut(event) for event in events), "nobody cancelled the run"
    for key, value in fold_events(events).state.items():
        assert value == state[key], f"S7: folding the events gives another {key}"
    told = sum(isinstance(event, CallEnded) for event in events)
    made = sum(usage["calls"] for usage in state["usage"].values())
    assert told == made, f"S7: {made} calls were made, and {told} are told"


def check_cut(
    setting: Scenario, events: Sequence[Event], result: dict[str, Any], jumped: float
) -> None:
    """Check a run that something may have cut short: its caller, or a store that broke."""
    check_events(setting, events, jumped)
    check_hurried(setting, events, jumped)
    assert isinstance(events[-1], RunFinished), "S6: a record ends with run_finished"
    assert events[-1].result == result, "S7: the result is not the last event's"
    if result["outcome"] in OVER:
        assert not any(_is_cut(event) for event in events), "a cancelled turn's run went on"


LATE_S = 10.0
"""Virtual seconds that a vote may take from its first piece to its last, and being stopped."""


def check_hurried(setting: Scenario, events: Sequence[Event], jumped: float) -> None:
    """Check that no call that acts on nothing goes on beyond its round's soft deadline.

    That an answer has begun is told; a vote is short. Where the clock has jumped, nothing is asked.
    """
    policy, hurried, acts, soft = setting.policy, set[str](), set[str](), math.inf
    for event in [] if jumped else events:
        match event:
            case RoundOpened():
                most = min(policy.round_deadline_s, policy.run_deadline_s - event.t)
                soft, hurried = event.t + most * policy.soft_share, set()
            case DeadlineReached(which="soft", agent=str(agent)):
                hurried.add(agent)
            case AnswerText():
                acts.add(event.agent)
            case WinnerSelected():
                soft = math.inf  # who presents has the run's deadline alone
            case CallEnded():
                crosses = event.t - event.seconds < soft < event.t - LATE_S
                told = event.agent in hurried | acts
                assert told or not crosses, f"L2: {event.agent} was not told to hurry"
                acts.discard(event.agent)
            case _:
                pass


def _is_cut(event: Event) -> bool:
    return isinstance(event, TurnEnded) and event.why == CANCELLED


def check_attempts(setting: Scenario, events: Sequence[Event], jumped: float) -> None:
    """Check a run that was cut, and went on to its end."""
    check_events(setting, events, jumped)
    last = [event for event in events if event.run_attempt == events[-1].run_attempt]
    if events[-1].type == "run_finished" and events[-1].result["outcome"] in OVER:
        assert not any(_is_cut(event) for event in last), "a cancelled turn's run went on"


def check_end(setting: Scenario, events: Sequence[Event]) -> None:
    """Check what the backends know: what they said, what they were asked, what still runs."""
    calls = setting.calls
    assert not calls.problems, calls.problems
    assert calls.running == 0, "S11: a provider call or a tool outlived its run"
    check_said(setting, events)


def check_said(setting: Scenario, events: Sequence[Event]) -> None:
    """Check events against what the backends said; in a resumed run, those of all attempts."""
    labels = {f"agent{number}": agent for number, agent in enumerate(setting.agents, 1)}
    for event in events:
        match event:
            case VoteCast() if found := _LABEL.fullmatch(event.reason):
                meant = labels[found[1]]
                assert event.candidate == meant, "S4: a vote is not for whom its label stands for"
            case AnswersAccepted():
                _check_accepted(setting, event)
            case RunFinished():
                _check_stored(event.result)
            case _:
                pass


def check_counted(
    begun: Mapping[str, int], result: Mapping[str, Any], before: Mapping[str, Any]
) -> None:
    """Check that each request that went out in an attempt counts.

    Args:
        begun: How many of them each backend got.
        result: What it came to.
        before: Usage by agents, as the attempt went on with it.
    """
    if result["outcome"] == "failed":
        return
    for agent, requests in begun.items():
        ids = [one for one in result["usage"] if one.split("_")[0] == agent]
        made = [_requests(result["usage"].get(one)) - _requests(before.get(one)) for one in ids]
        counted = sum(made)
        what = f"S8: {requests} requests of {agent}, {counted} counted"
        assert not ids or counted >= requests, what


def _requests(usage: Mapping[str, Any] | None) -> int:
    return usage["calls"] + usage["retries"] if usage is not None else 0


def _check_accepted(setting: Scenario, event: AnswersAccepted) -> None:
    """Answers are published as they were given."""
    if setting.graph != "nested":  # where teams give answers, too
        said = all(answer["text"] in setting.calls.answers for answer in event.answers)
        assert said, "S7: nobody gave this answer"


def _check_stored(result: dict[str, Any]) -> None:
    """A stored answer is presented byte for byte, and it is the winner's, if that has one."""
    if result["presented"] in ("reuse", "fallback"):
        stored = result["answers"].get(result["winner"])
        assert stored in (None, result["answer"]), "S6: another's answer is presented"
