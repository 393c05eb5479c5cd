"""settle_early: nobody is waited for whose ballot cannot change the winner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph import Agent, Team
from massgraph.backends.chunks import DoneChunk, StreamChunk, ToolCallDeltaChunk
from massgraph.graphs.transitions import verdict
from massgraph.nodes.agent_turn import SETTLED
from massgraph.nodes.certainty import MOST, certain, outstanding
from massgraph.nodes.events import AgentsReleased, RoundOpened, TurnEnded
from massgraph.nodes.live import LiveRun
from massgraph.nodes.policy import Policy
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote
from massgraph.nodes.settle import decide
from massgraph.nodes.state import Answer, TeamState

from ..vloop import run_virtual
from .stage import Improvised, Script, answer, begun, cast_of, drafts, play, vote, votes

EARLY: dict[str, Any] = {"settle_early": True, "final": "reuse"}
SLOW = vote("agent2", delay=100)


def team(*later: Script) -> dict[str, Script]:
    """Return five agents whose first answers come at once, and what each does then."""
    return {name: [answer(f"{name}."), *turns] for name, turns in zip("abcde", later, strict=False)}


def test_the_rest_is_released_at_once() -> None:
    """Three of five votes for one settle it: the two who still think are stopped."""
    quick = [[vote("agent1", delay=n)] for n in (1, 2, 3)]
    played = play(EARLY, **team(*quick, [SLOW], [SLOW]))
    assert played.seconds == pytest.approx(3, abs=0.001)
    (released,) = played.of(AgentsReleased)
    assert (released.agents, released.because_of) == (["d", "e"], "c")
    assert released.reason == "settled"
    for agent in "de":
        end = played.of(TurnEnded, agent)[-1]
        assert (end.outcome, end.why) == ("interrupted", SETTLED)
        assert played.heard[agent][-1].stopped
    assert (played.result.winner, played.result.settled_by) == ("a", "consensus")
    assert len(played.of(RoundOpened)) == 2


def test_why_somebody_has_no_vote_is_recorded() -> None:
    """Settling needs a vote or a reason of everybody: the released have one."""
    cast = cast_of(team([vote("agent1")], [vote("agent1")], [{"hang": True}]))
    members = [Agent(name, part) for name, part in cast.items()]
    graph = Team(members, Policy(**EARLY)).compile()
    question: Any = {"messages": [("human", "q?")]}
    state = run_virtual(graph.ainvoke(question, context=LiveRun()))
    assert state["abstained"] == {"c": SETTLED}
    assert set(state["votes"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        ({}, 3),
        ({"weights": {"e": 5.0}}, 100),
        ({"quorum": 4}, 100),
        ({"rule": "unanimity"}, 100),
        ({"rule": "supermajority"}, 100),
        ({"rule": "majority"}, 3),
        ({"settle_early": False}, 100),
        ({"on_new_answer": "finish"}, 3),
    ],
)
def test_only_where_it_is_certain(policy: dict[str, Any], seconds: float) -> None:
    """Weights, quorum and the rule itself say what may still change the winner."""
    votes = [[vote("agent1", delay=n)] for n in (1, 2, 3)]
    patient = {"idle_timeout_s": None, "max_debate_rounds": 0}
    played = play(EARLY | patient | policy, **team(*votes, [SLOW], [SLOW]))
    assert played.seconds == pytest.approx(seconds, abs=0.001)


def test_a_first_draft_is_waited_for() -> None:
    """Who has not given its first answer is spared, and the answer restarts as ever."""
    late: Script = [{"hang": True}, {"hang": True}, answer("c.", delay=20), vote("agent1")]
    done = [vote("agent1"), vote("agent1")]
    agents = {"a": [answer("a."), *done], "b": [answer("b."), *done], "c": late}
    slow = {"round_deadline_s": 50, "max_unfinished_rounds": 0, "idle_timeout_s": None}
    played = play({**EARLY, **slow}, **agents)
    assert set(played.result.answers) == {"a", "b", "c"}
    assert played.outcomes("c")[:2] == ["abstained", "new_answer"]


def test_who_is_writing_an_answer_may_finish_it() -> None:
    """It is published, and everybody votes again."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            yield begun("new_answer")
            await asyncio.sleep(8)
            yield ToolCallDeltaChunk(0, arguments='{"content": "c, better."}')
            yield DoneChunk("tool_calls")
            return
        async for chunk in drafts("c.") if number == 1 else votes("agent3"):
            yield chunk

    twice = [vote("agent1", delay=1), vote("agent3", delay=1)]
    agents: dict[str, Any] = {"a": [answer("a."), *twice], "b": [answer("b."), *twice]}
    played = play(EARLY, **agents, c=Improvised(act))
    assert played.result.answers["c"] == "c, better."
    assert played.result.winner == "c"


def test_a_rule_of_ones_own_is_asked() -> None:
    """Whoever the first agent votes for wins: with its vote, nobody else matters."""

    def dictator(
        ballots: Sequence[Vote],
        candidates: Sequence[Candidate],
        electorate: Electorate,
        options: RuleOptions,
    ) -> Decision | None:
        first = electorate.agents[0]
        return next((Decision(b["candidate"]) for b in ballots if b["voter"] == first), None)

    played = play({**EARLY, "rule": dictator}, **team([vote("agent2", delay=1)], [SLOW], [SLOW]))
    assert played.seconds == pytest.approx(1, abs=0.001)
    assert played.result.winner == "b"


def state_of(
    votes: dict[str, str], agents: Sequence[str], rankings: dict[str, Vote] | None = None
) -> TeamState:
    """Return a state in which all have answers, and some have voted."""
    return TeamState(
        messages=[],
        labels={f"agent{n}": agent for n, agent in enumerate(agents, 1)},
        phase="coordinate",
        epoch=1,
        round=2,
        opened=1,
        debates=0,
        limit=None,
        nonce="n",
        pending=[],
        answers={a: Answer(agent=a, text=a, epoch=1) for a in agents},
        votes=rankings
        or {v: Vote(voter=v, candidate=c, reason="", epoch=1) for v, c in votes.items()},
        failures={},
        abstained={},
        drafts=dict.fromkeys(agents, 1),
    )


AGENTS = "abcd"


@given(
    st.dictionaries(st.sampled_from(AGENTS), st.sampled_from(AGENTS)),
    st.sampled_from(["plurality", "majority", "supermajority", "unanimity"]),
    st.sampled_from(["allow", "ignore", "forbid"]),
    st.dictionaries(st.sampled_from(AGENTS), st.sampled_from([0, 0.5, 2])),
    st.sampled_from([1, 3, 0.5]),
)
def test_certain_is_what_no_ballot_changes(
    votes: dict[str, str], rule: str, self_votes: Any, weights: Any, quorum: Any
) -> None:
    """Tried by hand: the same winner, whatever each of the others casts, or does not."""
    if self_votes == "forbid":
        votes = {voter: candidate for voter, candidate in votes.items() if voter != candidate}
    policy = Policy(
        rule=rule, self_votes=self_votes, weights=weights, quorum=quorum, settle_early=True
    )
    state = state_of(votes, AGENTS)
    left = [agent for agent in AGENTS if agent not in votes]
    winners = set()
    for choice in product([None, *AGENTS], repeat=len(left)):
        ballots = dict(zip(left, choice, strict=True))
        if self_votes == "forbid" and any(v == c for v, c in ballots.items()):
            continue
        cast = {v: c for v, c in ballots.items() if c is not None}
        decision = decide(state_of(votes | cast, AGENTS), policy)
        winners.add(decision and decision.winner)
    sure = len(winners) == 1 and None not in winners
    assert outstanding(state, policy) == left
    assert certain(state, policy, left) == sure
    if sure:
        assert verdict(state, policy) == "settled"


def test_rankings_are_completed_too() -> None:
    """Under a ranked rule each order of the candidates, whole or in part, may come."""
    policy = Policy(rule="borda", settle_early=True)
    votes = {
        voter: Vote(voter=voter, candidate="a", reason="", epoch=1, ranking=["a", "b", "c"])
        for voter in "ab"
    }
    agents = "abc"
    state = state_of({}, agents, votes)
    assert certain(state, policy, ["c"]) == certain(state, Policy(rule="borda"), ["c"])
    assert certain(state, policy, ["c"])
    less = state_of({}, agents, {"a": votes["a"]})
    assert not certain(less, policy, ["b", "c"])


def test_too_many_ways_are_not_certain() -> None:
    """Then everybody is waited for: the rule is not called a million times."""
    agents = [f"a{n}" for n in range(9)]
    state = state_of(dict.fromkeys(agents[:5], "a0"), agents)
    assert MOST < 10**4
    assert not certain(state, Policy(settle_early=True), agents[5:])
    assert certain(state, Policy(settle_early=True), agents[7:])
