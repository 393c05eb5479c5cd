"""Ballots, quorum, ties, weights and rules: who wins, and by what."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from massgraph import Agent, Policy, RunError, Team
from massgraph.nodes.events import DebateOpened, Event, RoundOpened, Verdict, WinnerSelected
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote

from ..vloop import run_virtual
from .stage import Played, Script, Turn, answer, calls, cast_of, play, vote

BOB_BY_TIE = ("bob", "tie_break")
NAMES = ("alice", "bob", "carol", "dave")
Ballot = str | None
"""The label that is voted for; None says nothing in time."""


def scripts(*rounds: Sequence[Ballot]) -> dict[str, Script]:
    """Return a team in which everybody answers, and then votes once for each of the rounds."""
    return {
        name: [answer(f"{name}'s answer."), *(_turn(name, ballot) for ballot in ballots)]
        for name, *ballots in zip(NAMES, *rounds, strict=False)
    }


def _turn(name: str, ballot: Ballot) -> Turn:
    return {"hang": True} if ballot is None else vote(ballot, f"{name}'s reason")


def election(policy: Mapping[str, Any] | None, *rounds: Sequence[Ballot]) -> Played:
    """Play an election, and its debates, under a policy that waits for nobody."""
    keys = {"soft_deadline_s": 10, "round_deadline_s": 10, "max_unfinished_rounds": 0}
    return play({**keys, **(policy or {})}, **scripts(*rounds))


def settled(played: Played) -> tuple[str | None, str | None]:
    """Return who won, and by what."""
    assert played.result.outcome == "settled"
    assert [e.winner for e in played.of(WinnerSelected)] == [played.result.winner]
    return played.result.winner, played.result.settled_by


def verdicts(played: Played) -> list[str]:
    """Return the verdicts after the first, which is always new_answer."""
    return [event.verdict for event in played.of(Verdict)][1:]


@pytest.mark.parametrize(
    ("policy", "ballots", "expected"),
    [
        ({}, ["agent2", "agent2", "agent2"], ("bob", "consensus")),
        ({}, ["agent2", "agent2", "agent3"], ("bob", "rule")),
        ({}, ["agent1", "agent2", "agent3"], ("alice", "tie_break")),
        ({}, ["agent3", "agent2", "agent3", "agent2"], BOB_BY_TIE),
        ({}, ["agent2", None, None], ("bob", "consensus")),
        ({}, [None, "agent3", "agent2"], BOB_BY_TIE),
        ({"quorum": 2}, ["agent3", "agent3", None], ("carol", "consensus")),
        ({"quorum": 0.5}, ["agent3", "agent3", None], ("carol", "consensus")),
        ({"weights": {"carol": 3}}, ["agent1", "agent1", "agent3"], ("carol", "rule")),
        ({"weights": {"alice": 0}}, ["agent1", "agent3", "agent3"], ("carol", "rule")),
        ({"weights": {"alice": 0.5, "bob": 0.5}}, ["agent2", "agent2", "agent3"], BOB_BY_TIE),
    ],
)
def test_what_settles_it(
    policy: Mapping[str, Any], ballots: Sequence[Ballot], expected: tuple[str, str]
) -> None:
    """Agreement of all ballots, the most weight of votes, or the tie policy."""
    assert settled(election(policy, ballots)) == expected


@pytest.mark.parametrize(
    ("quorum", "ballots", "met"),
    [
        (1, 1, True),
        (2, 1, False),
        (2, 2, True),
        (3, 3, True),
        (0.5, 1, False),
        (0.5, 2, True),
        (0.34, 1, False),
        (0.33, 1, True),
        (0.99, 2, False),
        (0.99, 3, True),
    ],
)
def test_a_quorum_is_a_number_or_a_share_rounded_up(quorum: float, ballots: int, met: bool) -> None:
    """Of three live agents, so many must have voted; half of three are two."""
    cast = ["agent2"] * ballots + [None] * (3 - ballots)
    played = election({"quorum": quorum, "max_debate_rounds": 0}, cast)
    assert settled(played) == ("bob", "consensus" if met else "debate_limit")


def test_a_share_is_of_those_that_are_live() -> None:
    """Who has failed is no part of the whole."""
    team = scripts(["agent2"] * 3)
    team["carol"] = [{"error": "auth"}]
    assert settled(play({"quorum": 0.9}, **team)) == ("bob", "consensus")


def test_without_a_quorum_there_is_a_debate() -> None:
    """The ballots are shown with their reasons, everybody votes again, and it may be settled."""
    played = election({"quorum": 3}, ["agent2", "agent2", None], ["agent3"] * 3)
    assert verdicts(played) == ["no_consensus", "settled"]
    assert settled(played) == ("carol", "consensus")
    shown = played.of(DebateOpened)[0].ballots
    assert [(b["voter"], b["reason"]) for b in shown] == [
        ("alice", "alice's reason"),
        ("bob", "bob's reason"),
    ]
    prompt = played.heard["carol"][2].text
    assert "found no winner" in prompt
    assert "'s reason" in prompt
    assert [e.asked for e in played.of(RoundOpened)][-1] == ["alice", "bob", "carol"]
    assert [v.reason for v in played.result.votes] == [f"{name}'s reason" for name in NAMES[:3]]


@pytest.mark.parametrize("debates", [0, 1, 2])
def test_when_no_debate_is_left_plurality_decides(debates: int) -> None:
    """`max_debate_rounds`, and then whoever has the most votes, quorum or not."""
    ballots = ["agent2", "agent2", None]
    played = election({"quorum": 3, "max_debate_rounds": debates}, *[ballots] * (1 + debates))
    assert verdicts(played) == ["no_consensus"] * debates + ["settled"]
    assert settled(played) == ("bob", "debate_limit")
    assert [v.voter for v in played.result.votes] == ["alice", "bob"]


def test_a_new_answer_in_a_debate_restarts() -> None:
    """The debate's votes are dropped like any others, and the ballots are shown no more."""
    team = scripts(["agent2", "agent3"])
    team["alice"] = [answer("A."), vote("agent2"), answer("A, better."), vote("agent1")]
    team["bob"] = [answer("B."), {"hang": True}, {"hang": True}, {"hang": True}, vote("agent1")]
    policy = {"round_deadline_s": 10, "max_unfinished_rounds": 0, "quorum": 2}
    played = play(policy, alice=team["alice"], bob=team["bob"])
    assert verdicts(played) == ["no_consensus", "new_answer", "settled"]
    assert "found no winner" not in played.heard["alice"][3].text
    assert settled(played) == ("alice", "consensus")


def test_votes_for_oneself_count_by_default() -> None:
    """`allow`."""
    assert settled(election({}, ["agent1", "agent2", "agent2"])) == ("bob", "rule")


def test_votes_for_oneself_may_be_ignored() -> None:
    """`ignore`: they are cast and shown, but neither counted nor needed for a consensus."""
    played = election({"self_votes": "ignore"}, ["agent2", "agent2", "agent3"])
    assert settled(played) == ("bob", "consensus")
    assert len(played.result.votes) == 3
    assert played.result.dissent == ()


def test_ignored_votes_make_no_quorum() -> None:
    """Three votes for oneself are no ballots at all."""
    played = election({"self_votes": "ignore"}, *[["agent1", "agent2", "agent3"]] * 2)
    assert verdicts(played) == ["no_consensus", "settled"]
    assert settled(played) == ("alice", "debate_limit")


def test_votes_for_oneself_may_be_forbidden() -> None:
    """`forbid`: one's own label is not among those that can be named, and naming it is illegal."""
    team = scripts(["agent2", "agent3", "agent2"])
    team["alice"] = [answer("A."), vote("agent1"), vote("agent2")]
    played = play({"self_votes": "forbid"}, **team)
    assert played.heard["alice"][1].targets == ["agent2", "agent3"]
    assert played.heard["bob"][1].targets == ["agent1", "agent3"]
    assert "can't vote for 'agent1'" in played.heard["alice"][2].tool_results[0].text
    assert settled(played) == ("bob", "rule")


@pytest.mark.parametrize("self_votes", ["allow", "ignore", "forbid"])
def test_one_agent_alone_may_always_vote_for_itself(self_votes: str) -> None:
    """There is nobody else."""
    policy = {"self_votes": self_votes, "single": "coordinate"}
    played = play(policy, alice=[answer("A."), vote("agent1")])
    assert settled(played) == ("alice", "consensus")
    assert [v.candidate for v in played.result.votes] == ["alice"]


def tie(policy: Mapping[str, Any]) -> str | None:
    """Play a tie between alice, who is registered first, and bob, whose answer is older."""
    played = play(
        policy,
        alice=[answer("A."), answer("A, better."), vote("agent1")],
        bob=[answer("B."), {"hang": True}, vote("agent2")],
    )
    winner, by = settled(played)
    assert by == "tie_break"
    return winner


def test_a_tie_goes_to_the_earlier_answer() -> None:
    """By the epoch in which it was accepted."""
    assert tie({}) == tie({"tie": "earliest_answer"}) == "bob"


def test_a_tie_may_go_by_registration() -> None:
    """Whoever stands first in the team."""
    assert tie({"tie": "registration"}) == "alice"


def test_a_tie_may_go_by_chance() -> None:
    """By the seed: the same again for the same seed, and not the same for all."""
    winners = [tie({"tie": "random", "seed": seed}) for seed in range(6)]
    assert winners == [tie({"tie": "random", "seed": seed}) for seed in range(6)]
    assert set(winners) == {"alice", "bob"}


def test_equal_first_drafts_are_one_candidate() -> None:
    """Under the author registered first, in that author's words."""
    played = play(
        alice=[answer("Another one."), vote("agent2")],
        bob=[answer("The  same."), vote("agent2")],
        carol=[answer("The\nsame. "), vote("agent2")],
    )
    assert played.result.answers == {"alice": "Another one.", "bob": "The  same."}
    assert played.heard["carol"][1].targets == ["agent1", "agent2"]
    assert settled(played) == ("bob", "consensus")


def test_an_agent_whose_answer_became_a_peers_keeps_no_older_one() -> None:
    """Its new answer replaced the old, and stands under the peer's name."""
    played = play(
        {"on_new_answer": "finish"},
        alice=[answer("A."), answer("Better."), vote("agent1")],
        bob=[answer("B."), answer("Better."), vote("agent1")],
    )
    assert played.result.answers == {"alice": "Better."}
    assert settled(played) == ("alice", "consensus")


def test_votes_that_lost_are_dissent() -> None:
    """With their reasons, byte for byte."""
    reason = "No: \\n is not **a newline**.\r\n\t🙂 </agent1>"
    played = play(
        alice=[answer("A."), vote("agent1", "Fine.")],
        bob=[answer("B."), vote("agent1", "Fine.")],
        carol=[answer("C."), vote("agent3", reason)],
    )
    assert [(v.voter, v.candidate, v.reason) for v in played.result.dissent] == [
        ("carol", "carol", reason)
    ]
    assert played.result.dissent[0] in played.result.votes
    assert settled(played) == ("alice", "rule")


def test_a_vote_without_a_reason_is_a_vote() -> None:
    """The reason is asked for, and does not decide whether a vote counts."""
    played = play(
        alice=[answer("A."), calls(("vote", {"agent_id": "agent1"}))],
        bob=[answer("B."), calls(("vote", {"agent_id": "agent1", "reason": None}))],
    )
    assert settled(played) == ("alice", "consensus")
    assert played.result.votes[0].reason == ""


def test_the_vote_of_an_agent_that_failed_later_stands() -> None:
    """Who voted has voted, and no agent that failed is waited for."""
    played = play(
        alice=[answer("A."), vote("agent2")],
        bob=[answer("B."), {"error": "auth"}],
    )
    assert settled(played) == ("bob", "consensus")
    assert list(played.result.failures) == ["bob"]


# --- a rule of one's own -----------------------------------------------------------------------


def last_one(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect whoever is registered last."""
    return Decision(candidates[-1].agent)


def nobody(*question: object) -> Decision | None:
    """Elect nobody."""
    return None


def test_a_rule_of_ones_own_decides() -> None:
    """One function, named in the first event."""
    played = election({"rule": last_one}, ["agent1"] * 3)
    assert settled(played) == ("carol", "rule")
    assert [v.voter for v in played.result.dissent] == ["alice", "bob", "carol"]
    assert played.events[0].type == "run_started"
    assert played.events[0].policy["rule"] == "last_one"


def test_a_rule_sees_the_ballots_the_candidates_and_the_electorate() -> None:
    """All by real ids, in registration order, with weights, quorum, tie policy and seed."""
    seen: list[tuple[Any, ...]] = []

    def curious(*question: Any) -> Decision | None:
        seen.append(question)
        return Decision("bob")

    election({"rule": curious, "weights": {"bob": 2}, "seed": 7}, ["agent2", "agent1", None])
    ballots, candidates, electorate, options = seen[0]
    assert [(b["voter"], b["candidate"]) for b in ballots] == [("alice", "bob"), ("bob", "alice")]
    assert [c.agent for c in candidates] == ["alice", "bob", "carol"]
    assert list(electorate.agents) == ["alice", "bob", "carol"]
    assert electorate.weight("bob") == 2
    assert options.seed == 7


def test_a_rule_that_finds_no_winner_leads_to_a_debate() -> None:
    """And, when no debate is left, to plurality."""
    played = election({"rule": nobody}, *[["agent2", "agent2", "agent3"]] * 2)
    assert verdicts(played) == ["no_consensus", "settled"]
    assert settled(played) == ("bob", "debate_limit")


def _raises(*question: object) -> Decision | None:
    raise ZeroDivisionError("no voters")


BROKEN_RULES = {
    "raises": (_raises, "The rule '_raises' raised ZeroDivisionError: no voters."),
    "elects a stranger": (lambda *_: Decision("zoe"), "elected 'zoe', who has no current answer"),
    "elects nobody at all": (lambda *_: Decision(""), "elected '', who has no current answer"),
    "returns a name": (lambda *_: "bob", "returned 'bob'; a rule returns a Decision or None"),
    "returns a truth": (lambda *_: True, "returned True; a rule returns a Decision or None"),
}


@pytest.mark.parametrize(("rule", "said"), BROKEN_RULES.values(), ids=BROKEN_RULES)
@pytest.mark.parametrize("debates", [0, 1])
def test_a_rule_that_is_broken_breaks_the_run(
    rule: Any, said: str, debates: int, caplog: pytest.LogCaptureFixture
) -> None:
    """At once, with an error that says what it did; the events end with what there was."""
    team = Team(
        [Agent(name, part) for name, part in cast_of(scripts(["agent2"] * 3)).items()],
        Policy(rule=rule, max_debate_rounds=debates),
    )

    async def broken() -> tuple[list[Event], RunError]:
        run = team.start("Which?")
        events = [event async for event in run]
        with pytest.raises(RunError) as caught:
            await run.result()
        return events, caught.value

    with caplog.at_level(logging.CRITICAL, logger="massgraph"):
        events, error = run_virtual(broken())
    assert said in str(error)
    assert events[-1].type == "run_finished"
    assert events[-1].result["outcome"] == "failed"
    assert list(events[-1].result["answers"]) == ["alice", "bob", "carol"]
