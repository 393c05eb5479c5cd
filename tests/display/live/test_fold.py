"""What is known of a run after each of its events."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from massgraph.display.live.fold import note, take
from massgraph.display.live.page import LONGEST, MOST_LINES, Page
from massgraph.display.live.view import View
from massgraph.nodes import events as ev
from massgraph.nodes.record import Record
from massgraph.nodes.state import no_usage

from .scenes import at, begun, neptune, seen, used

BEGIN = begun("alice", "bob", round_deadline_s=300.0, run_deadline_s=1800.0)
TURN = ev.TurnStarted(agent="alice", answers=[], round=1)


def ended(outcome: Any = "new_answer", **usage: Any) -> ev.Event:
    """Return the end of alice's turn."""
    return ev.TurnEnded(
        agent="alice", outcome=outcome, why="so", kind=None, seconds=1.0, usage=used(**usage)
    )


def called(**usage: Any) -> ev.Event:
    """Return the end of one of alice's calls."""
    return ev.CallEnded(
        agent="alice",
        provider="scripted",
        model="script",
        finish_reason="stop",
        failure=None,
        stopped=False,
        seconds=1.0,
        usage=used(**usage),
        replayed=False,
    )


@pytest.mark.parametrize(
    ("event", "doing", "detail"),
    [
        (TURN, "thinking", ""),
        (ev.AgentReasoning(agent="alice", delta="x"), "thinking", ""),
        (ev.AgentText(agent="alice", delta="x"), "writing", ""),
        (ev.AnswerText(agent="alice", delta="x"), "answering", ""),
        (ev.ToolStarted(agent="alice", name="add", arguments={}), "tool", "add"),
        (ev.AgentStatus(agent="alice", status="waits for a slot"), "waiting", "waits for a slot"),
        (ev.CallRetried(agent="alice", why="x", wait_s=2.04), "retrying", "in 2 s"),
        (ev.AgentRetried(agent="alice"), "waiting", "asked afresh"),
        (ev.PresentingStarted(agent="alice"), "presenting", ""),
        (ended("vote"), "voted", ""),
        (ended("interrupted"), "stopped", "so"),
        (ended("failed"), "failed", ""),
    ],
)
def test_what_an_agent_does(event: ev.Event, doing: str, detail: str) -> None:
    """Each event of an agent says what it is doing from then on."""
    alice = seen([BEGIN, event]).agents["alice"]
    assert (alice.doing, alice.detail) == (doing, detail)


def test_who_is_not_at_work_any_more_is_told_so() -> None:
    """After a tool it thinks; what is said of a run that is over leaves nobody at work."""
    tool = ev.ToolStarted(agent="alice", name="add", arguments={})
    gave = ev.ToolFinished(agent="alice", name="add", result="3", error=None, seconds=0.1)
    view = seen([BEGIN, TURN, tool, gave])
    assert view.agents["alice"].doing == "thinking"
    assert view.agents["alice"].tool == "add gave 3 (0.1 s)"
    assert not any(agent.at_work for agent in at(99.0).agents.values())


def test_tokens_are_counted_once() -> None:
    """Calls count while the turn goes on, and then the turn does, which holds them all."""
    text = ev.AnswerText(agent="alice", delta="x" * 40)
    view = seen([BEGIN, TURN, called(input_tokens=10), text])
    assert (view.agents["alice"].usage["input_tokens"], view.estimated) == (10, 10)
    take(view, ended(input_tokens=25))
    assert (view.total()["input_tokens"], view.estimated) == (25, 0)
    older = seen([BEGIN, TURN, text, ended(input_tokens=25)])
    assert older.total() == view.total()


def test_the_sums_are_those_of_the_result() -> None:
    """At every moment nothing is counted twice, and at the end all is."""
    finished = neptune()[-1]
    assert isinstance(finished, ev.RunFinished)
    before, after = seen(neptune()[:-1]), seen(neptune())
    assert before.total() == pytest.approx(finished.result["usage"]["total"])
    assert after.total() == pytest.approx(finished.result["usage"]["total"])


def test_where_the_machine_is() -> None:
    """Each step of the machine is one of its nodes, and how often it was there is counted."""
    view, nodes = View(), []
    for event in neptune():
        take(view, event)
        nodes += [view.node] if nodes[-1:] != [view.node] else []
    one_round = ["open_round", "agents", "collect_votes"]
    end = ["select_winner", "present_final", None]
    assert nodes == ["ask", *one_round, "restart", *one_round, "debate", *one_round, *end]
    assert view.visits == {
        "ask": 1, "open_round": 3, "agents": 3, "collect_votes": 3, "restart": 1, "debate": 1,
        "select_winner": 1, "present_final": 1,
    }  # fmt: skip
    assert [at(t).phase for t in (3.0, 8.0, 12.0, 18.0, 99.0)] == [
        "answering", "voting", "debate", "presenting", "settled",
    ]  # fmt: skip


def test_what_counts_on_stays_one_line() -> None:
    """Its last step is what is read; what is not the same begins a line of its own."""
    view = seen([BEGIN, TURN])
    for status in ("waiting", "reading: 0 of 9 tokens", "reading: 5 of 9 tokens", "waiting"):
        take(view, ev.AgentStatus(agent="alice", status=status))
    said = [line.text for line in view.agents["alice"].page.lines[-3:]]
    assert said == ["waiting", "reading: 5 of 9 tokens", "waiting"]


def test_nobody_has_an_answer() -> None:
    """The verdict says so, and the machine gives up."""
    assert seen([BEGIN, ev.Verdict(verdict="no_answer")]).node == "give_up"


def test_votes() -> None:
    """Votes of an epoch are kept with their reasons, and go when new answers come."""
    vote = ev.VoteCast(voter="bob", candidate="alice", reason="It is\nright.", epoch=2)
    view = seen([BEGIN, vote])
    assert view.votes["bob"].reason == "It is right."
    take(view, ev.VoteDropped(voter="bob", candidate="alice", why="withdrawn"))
    assert (view.votes["bob"].dropped, view.votes["bob"].reason) == ("withdrawn", "It is right.")
    published: Any = [{"agent": "bob", "text": "2", "epoch": 3}]
    take(view, ev.AnswersAccepted(answers=published, withdrawn=[]))
    assert (view.votes, view.answers) == ({}, ["bob"])


def test_ballots_of_a_debate_stay_until_new_votes_come() -> None:
    """Before everybody votes again, it is seen who has voted for whom."""
    debated, later = at(12.0), at(13.66)
    assert [vote.voter for vote in debated.ballots] == ["ada", "ben", "cleo"]
    assert not debated.votes
    assert [vote.candidate for vote in later.votes.values()] == ["cleo"] * 3


def test_a_run_that_goes_on() -> None:
    """What the machine has stored counts; what an attempt left half done does not."""
    record = Record()
    for event in neptune():
        if event.t <= 9.0:
            record.add(event)
    state = record.state
    state["failures"] = {"ben": {"kind": "timeout", "message": "silent", "round": 2}}
    first = neptune()[0]
    assert isinstance(first, ev.RunStarted)
    resumed = ev.RunResumed(
        question=first.question,
        agents=first.agents,
        policy=first.policy,
        graph=first.graph,
        state=state,
        outcomes=[],
        run_attempt=2,
    )
    view = seen([e for e in neptune() if e.t <= 9.0] + [resumed])
    assert view.answers == ["ada", "ben", "cleo"]
    assert view.agents["ben"].doing == "failed"
    assert not view.agents["ada"].at_work
    assert view.agents["ada"].spent == state["usage"]["ada"]
    assert view.agents["ada"].page.lines, "what it wrote can still be read"


def test_deadlines() -> None:
    """The round's begins with the round, the run's with the run."""
    opened = ev.RoundOpened(asked=["alice"], round=1, t=12.0)
    assert seen([BEGIN, opened]).deadlines() == {"round": 312.0, "run": 1800.0}
    assert at(99.0).deadlines() == {}


def test_an_agent_that_nobody_named() -> None:
    """A damaged record does not stop the display."""
    view = seen([TURN, ev.FinalText(agent="carol", delta="x")])
    assert list(view.agents) == ["alice", "carol"]


def test_a_budget_and_a_note_are_shown() -> None:
    """Both are a person's to know."""
    view = seen([BEGIN, ev.BudgetReached(which="max_calls", agent="bob")])
    note(view, "disk\x1b full")
    assert view.agents["bob"].budget == "max_calls"
    assert view.notes == ["disk␛ full"]
    assert view.log.lines[-1].text == "disk␛ full"


def test_a_page_is_bounded() -> None:
    """However much is written, what is kept is what a person scrolls back to."""
    page = Page()
    for number in range(3 * MOST_LINES):
        page.write(f"{number}\n", "text")
    page.write("word " * LONGEST, "answer")
    assert len(page.lines) <= MOST_LINES
    assert max(len(line.text) for line in page.lines) <= LONGEST
    assert all(" " in line.text for line in page.lines[-3:-1])


def test_pieces_become_lines() -> None:
    """A line goes on in the next piece, unless that is of another kind."""
    page = Page()
    for delta, style in (("He", "text"), ("llo\nyou", "text"), ("so", "reasoning")):
        page.write(delta, style)  # type: ignore[arg-type]
    assert [(line.text, line.style) for line in page.lines] == [
        ("Hello", "text"), ("you", "text"), ("so", "reasoning"),
    ]  # fmt: skip


def test_every_event_can_be_taken() -> None:
    """No event is unknown to the view, also as the first one of all."""
    view = View()
    for event in neptune():
        take(view, dataclasses.replace(event))
        take(View(), event)
    assert view.total()["calls"] == 11
    assert no_usage()["calls"] == 0
