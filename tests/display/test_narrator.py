"""The story of a run, told by its events."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph.display.narrator import WIDEST, Line, Narrator
from massgraph.nodes import events as ev
from massgraph.nodes.record import Record
from massgraph.nodes.state import OutcomeKind, no_usage

AGENTS = [{"id": name, "provider": "scripted", "model": "m"} for name in ("alice", "bob")]
BEGIN = ev.RunStarted(question="q", agents=AGENTS, policy={}, graph="team")


def told(*events: ev.Event, **options: Any) -> list[str]:
    """Return what is told of events, after the beginning."""
    narrator = Narrator(**options)
    narrator.feed(BEGIN)
    return [_shown(line) for event in events for line in narrator.feed(event)]


def _shown(line: Line) -> str:
    return f"{line.agent}: {line.text}" if line.agent else line.text


def says(agent: str, delta: str, kind: Any = ev.AnswerText) -> ev.Event:
    """Return a piece of an agent's text."""
    event: ev.Event = kind(agent=agent, delta=delta)
    return event


def ended(agent: str, outcome: OutcomeKind, why: str = "") -> ev.Event:
    """Return the end of an agent's turn."""
    return ev.TurnEnded(agent=agent, outcome=outcome, why=why, kind=None, seconds=1.25, usage=no_usage())  # fmt: skip


def test_agents_do_not_mix() -> None:
    """Three agents at once: each line is one agent's."""
    pieces = [
        says("alice", "Par"),
        says("bob", "Ro"),
        says("alice", "is\nis it"),
        says("bob", "me\n"),
    ]
    assert told(*pieces, ended("alice", "new_answer")) == [
        "alice: Paris", "bob: Rome", "alice: is it", "alice: has a new answer (1.2 s)",
    ]  # fmt: skip


def test_the_graph_is_named() -> None:
    """The first line tells which graph runs, and who is in it."""
    begun = ev.RunStarted(question="q", agents=AGENTS, policy={}, graph="council")
    (line,) = Narrator().feed(begun)
    assert line.text == "council: alice (scripted m), bob (scripted m)"


def test_a_run_that_goes_on_is_told() -> None:
    """What was half said is void, nobody is at work, and the team is known without its begin."""
    resumed = ev.RunResumed(
        question="q", agents=AGENTS, policy={}, graph="team", state=Record().state, outcomes=[]
    )
    narrator = Narrator()
    (line,) = narrator.feed(resumed)
    assert line.text == "team goes on: alice (scripted m), bob (scripted m)"
    narrator.feed(ev.TurnStarted(agent="bob", answers=[]))
    narrator.feed(says("bob", "Ro"))
    assert [_shown(line) for line in narrator.feed(resumed)] == ["bob: Ro", line.text]
    assert (narrator.at_work, narrator.unfinished()) == ([], [])


def test_a_ranking() -> None:
    """Of a ranked vote all is told, the best first."""
    vote = ev.VoteCast(voter="bob", candidate="bob", reason="Short.", ranking=["bob", "alice"])
    assert told(vote) == ["bob: votes for bob > alice: Short."]


def test_what_is_unfinished() -> None:
    """The line that an agent is writing can be shown at once, in the order of the team."""
    narrator = Narrator()
    for event in (BEGIN, says("bob", "Ro"), says("alice", "Pa"), says("alice", "ris")):
        assert narrator.feed(event) == [] or event is BEGIN
    assert [_shown(line) for line in narrator.unfinished()] == ["alice: Paris", "bob: Ro"]


def test_kinds_of_text_do_not_mix() -> None:
    """Reasoning, text and answer are lines of their own."""
    narrator = Narrator()
    kinds = (ev.AgentReasoning, ev.AgentText, ev.AnswerText)
    lines = [line for kind in kinds for line in narrator.feed(says("alice", "x", kind))]
    assert [line.style for line in lines] == ["reasoning", "text"]


@given(st.lists(st.text(alphabet="ab \n", max_size=150), max_size=8))
def test_nothing_is_lost(deltas: Sequence[str]) -> None:
    """Lines are broken where they are too wide, and hold all that was written but spaces."""
    lines = told(*[says("alice", delta) for delta in deltas], ended("alice", "vote"))[:-1]
    texts = [line.removeprefix("alice: ") for line in lines]
    assert "".join("".join(texts).split()) == "".join("".join(deltas).split())
    assert all(len(text) <= WIDEST for text in texts)


def test_the_final_answer_can_be_left_out() -> None:
    """Where the answer is printed to the same eyes anyway, it is not told twice."""
    final = says("alice", "Paris\nit is", ev.FinalText)
    end = ev.PresentingEnded(agent="alice", presented="present", failure=None, usage=no_usage())
    assert told(final, end) == ["alice: Paris", "alice: it is"]
    assert told(final, end, show_final=False) == []


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ev.VoteCast(voter="bob", candidate="alice", reason="It\nis \x1b right."), "bob: votes for alice: It is ␛ right."),
        (ev.VoteCast(voter="bob", candidate="alice", reason=""), "bob: votes for alice"),
        (ev.VoteDropped(voter="bob", candidate="alice", why="too late"), "bob: the vote for alice does not count: too late"),
        (ev.RoundOpened(asked=["alice", "bob"], round=2), "round 2: alice, bob"),
        (ev.Verdict(verdict="no_consensus"), "verdict: no consensus"),
        (ev.WinnerSelected(winner="bob", settled_by="tie_break", dissent=[]), "winner: bob (by tie break)"),
        (ev.AgentsReleased(agents=["bob"], because_of="alice"), "bob stopped, because alice has a new answer"),
        (ev.DebateOpened(ballots=[]), "no winner: the votes are shown, and everybody votes again"),
        (ev.DeadlineReached(which="soft", agent="bob"), "bob: the soft deadline is reached"),
        (ev.BudgetReached(which="max_calls"), "the max_calls budget is reached"),
        (ev.BudgetReached(which="max_calls", agent="bob"), "bob: the max_calls budget is reached"),
        (ev.AgentsReleased(agents=["bob"], because_of="alice", reason="settled"), "bob stopped, because the vote of alice settles it"),
        (ev.AgentRetried(agent="bob"), "bob: is asked afresh"),
        (ev.ActionRefused(agent="bob", what="vote", why="no answer"), "bob: refused: vote (no answer)"),
        (ev.ToolStarted(agent="bob", name="add", arguments={"a": "\x1b"}), 'bob: calls add {"a": "\\u001b"}'),
        (ev.ToolFinished(agent="bob", name="add", result="3", error=None, seconds=0.5), "bob: add gave 3 (0.5 s)"),
        (ev.ToolFinished(agent="bob", name="add", result=None, error="no", seconds=0.5), "bob: add failed: no (0.5 s)"),
        (ev.ToolFinished(agent="bob", name="code_execution", result=f"{'x = 1; ' * 90}\nprint(x)\n→ 1", error=None, seconds=0.0, builtin=True), f"bob: code_execution gave {'x = 1; ' * 11}... → 1"),
        (ev.ActionRefused(agent="bob", what="call", why="It was silent.", attempt=2), "bob: no reply: It was silent; try 2"),
        (ev.CallRetried(agent="bob", why="too many requests", wait_s=6.0), "bob: asked again in 6 s (too many requests)"),
        (ev.AgentStatus(agent="bob", status="waiting\nfor \x1b a slot"), "bob: waiting for ␛ a slot"),
        (ev.CallRetried(agent="bob", why="x", wait_s=0.53), "bob: asked again in 0.5 s (x)"),
        (ended("bob", "failed", "it broke"), "bob: failed: internal: it broke (1.2 s)"),
        (ended("bob", "interrupted", "a peer was first"), "bob: was stopped: a peer was first (1.2 s)"),
        (ended("bob", "abstained", "too slow"), "bob: abstains: too slow (1.2 s)"),
        (ev.PresentingEnded(agent="bob", presented="fallback", failure=None, usage=no_usage()), "bob: could not present; the stored answer stands"),
        (ev.PresentingEnded(agent="bob", presented="fallback", failure={"kind": "timeout", "message": "Presenting: silent.", "round": 2}, usage=no_usage()), "bob: could not present: silent; the stored answer stands"),
    ],
)  # fmt: skip
def test_lines(event: ev.Event, line: str) -> None:
    """Each event that a person wants to know of is a line."""
    assert told(event) == [line]


def test_what_counts_on_is_told_once_a_turn() -> None:
    """Each step of a long prompt would be a line, and bury what is worth reading."""

    def reads(done: int, agent: str = "bob") -> ev.Event:
        return ev.AgentStatus(agent=agent, status=f"reading: {done} of 28 tokens")

    turn = ev.TurnStarted(agent="bob", answers=[], round=1)
    assert told(turn, reads(0), reads(9, "alice"), reads(9), reads(28)) == [
        "bob: reading: 0 of 28 tokens",
        "alice: reading: 9 of 28 tokens",
    ]
    assert told(turn, reads(0), turn, reads(7)) == [
        "bob: reading: 0 of 28 tokens",
        "bob: reading: 7 of 28 tokens",
    ]
    same = ev.AgentStatus(agent="bob", status="waiting for a slot")
    assert len(told(turn, same, same)) == 2


def accepted(agent: str, text: str) -> ev.Event:
    """Return the publication of one answer."""
    return ev.AnswersAccepted(answers=[{"agent": agent, "text": text, "epoch": 1}], withdrawn=[])


def test_answers_that_are_the_same() -> None:
    """Whose new answer is published under a peer's name is told whose."""
    begun = ev.RoundOpened(asked=["alice", "bob"], round=1)
    drafts = [says("alice", "Paris "), says("bob", "Par"), says("bob", "is")]
    ends = [ended("alice", "new_answer"), ended("bob", "new_answer")]
    news = "new answers of alice"
    assert told(begun, *drafts, *ends, accepted("alice", "Paris"))[-2:] == [
        "bob: says the same as alice", news,
    ]  # fmt: skip
    assert told(begun, *ends, accepted("alice", "Paris"))[-2:] == [
        "bob: says the same as another answer", news,
    ]  # fmt: skip
    assert told(begun, *drafts, *ends, begun, ends[0], accepted("alice", "Paris"))[-1:] == [news]


def test_who_is_alone() -> None:
    """One agent votes with nobody: the round that would be for that is not told."""
    policy = {"single": "answer", "attempts": 3}
    narrator = Narrator()
    events = (
        ev.RunStarted(question="q", agents=AGENTS[:1], policy=policy, graph="team"),
        ev.RoundOpened(asked=["alice"], round=1),
        ev.ActionRefused(agent="alice", what="call", why="silent", attempt=1),
        ended("alice", "new_answer"),
        accepted("alice", "Paris"),
        ev.RoundOpened(asked=["alice"], round=2),
        ended("alice", "abstained", "there is nothing that it may do"),
        ev.WinnerSelected(winner="alice", settled_by="single", dissent=[]),
    )
    assert [_shown(line) for event in events for line in narrator.feed(event)][1:] == [
        "round 1: alice",
        "alice: no reply: silent; try 1 of 3",
        "alice: has a new answer (1.2 s)",
        "winner: alice (by single)",
    ]


def test_the_end() -> None:
    """The last line sums up."""
    total = {**no_usage(), "calls": 1, "input_tokens": 1200, "output_tokens": 30, "cost_usd": 0.5}
    result = {"outcome": "no_answer", "rounds": 2, "duration_s": 1.0, "usage": {"total": total}}
    assert told(ev.RunFinished(result=result)) == [
        "no answer: 2 rounds, 1 call, 1,200 tokens in, 30 out, $0.5000, 1.0 s"
    ]


def finish(**usage: dict[str, Any]) -> ev.Event:
    """Return the end of a run in which the agents have used this."""
    used = {agent: {**no_usage(), "calls": 1, **changed} for agent, changed in usage.items()}
    total = {**no_usage(), "calls": len(used), "cost_usd": None}
    usage = {"total": total, **used}
    return ev.RunFinished(
        result={"outcome": "settled", "rounds": 2, "duration_s": 1.0, "usage": usage}
    )


def test_what_each_agent_has_used() -> None:
    """A team's run ends with a table; a price that nobody knows is said to be unknown."""
    alice = {"input_tokens": 3900, "cached_tokens": 1536, "output_tokens": 270, "cost_usd": 0.01034}
    bob = {"calls": 12, "input_tokens": 7, "cost_usd": None}
    assert told(finish(alice=alice, bob=bob))[1:] == [
        "calls  tokens in  cached  out     cost",
        "alice:     1      3,900   1,536  270  $0.0103",
        "bob:    12          7       0    0  unknown",
    ]
    assert "wasted" in told(finish(alice=alice, bob={"wasted_tokens": 5}))[1]
    assert len(told(finish(alice=alice))) == 1, "one agent alone has used what all have used"


@given(st.integers(0, 10**11), st.floats(0, 10**5), st.integers(10, 61))
def test_the_table_is_narrow(number: int, cost: float, widest: int) -> None:
    """It fits 80 columns whatever was used, and fewer where there are fewer, and is aligned."""
    narrator = Narrator()
    narrator.feed(BEGIN)
    narrator.widest = widest
    much = {key: number for key in no_usage() if key.endswith("tokens")}
    rows = narrator.feed(finish(alice={**much, "cost_usd": cost}, bob={"cost_usd": None}))[1:]
    assert len({len(row.text) for row in rows}) == 1
    assert len(rows[0].text) <= max(widest, len("  100,000.0 M  $100,000"))
    assert all("cost" in row.text or "$" in row.text or "unknown" in row.text for row in rows)


def test_every_event_is_known() -> None:
    """No event is told by accident of being new: each one is in a test or silent."""
    silent = {ev.TurnStarted, ev.CallEnded}
    spoken = set(get_args(ev.Event)) - silent
    assert len(spoken) == 26
