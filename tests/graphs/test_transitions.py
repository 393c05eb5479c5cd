from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph.graphs.transitions import TurnVerdict, Verdict, turn_verdict, verdict
from massgraph.nodes.policy import Policy
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote
from massgraph.nodes.settle import settle
from massgraph.nodes.state import Answer, Failure, TeamState
from massgraph.nodes.turn import TurnState, ending

NAMES = ("alice", "bob", "carol")


def nobody(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Find no winner, whatever the ballots."""
    return None


def after(
    *,
    agents: Sequence[str] = NAMES,
    pending: Sequence[str] = (),
    answers: Sequence[str] = ("alice", "bob"),
    votes: str = "",
    failed: Sequence[str] = (),
    capped: Sequence[str] = (),
    late: Sequence[str] = (),
    **more: Any,
) -> TeamState:
    """Return the state after a round; `votes` as "alice>bob", by default nobody has voted."""
    ballots = [pair.split(">") for pair in votes.split()]
    state = TeamState(
        messages=[],
        labels={f"agent{number}": agent for number, agent in enumerate(agents, start=1)},
        pending=[Answer(agent=a, text=a, epoch=2) for a in pending],
        answers={a: Answer(agent=a, text=a, epoch=1) for a in answers},
        votes={v: Vote(voter=v, candidate=c, reason="", epoch=1) for v, c in ballots},
        failures={a: Failure(kind="auth", message="", round=1) for a in failed},
        abstained=dict.fromkeys(late, "too late"),
        drafts=dict.fromkeys(capped, 3),
        phase="coordinate",
        epoch=1,
        opened=1,
        debates=0,
        limit=None,
    )
    return TeamState(**{**state, **more})  # type: ignore[typeddict-item]


ALL = "alice>alice bob>alice carol>alice"
NO_WINNER: dict[str, Any] = {"rule": nobody}
QUORUM: dict[str, Any] = {"quorum": 4}
FORBID: dict[str, Any] = {"self_votes": "forbid"}

TABLE: list[tuple[Verdict, dict[str, Any], dict[str, Any]]] = [
    # new_answer: before everything else
    ("new_answer", {"pending": ["carol"]}, {}),
    ("new_answer", {"pending": ["carol"], "answers": []}, {}),
    ("new_answer", {"pending": ["carol"], "votes": ALL}, {}),
    ("new_answer", {"pending": ["carol"], "limit": "deadline"}, {}),
    ("new_answer", {"pending": ["carol"], "failed": NAMES}, NO_WINNER),
    # unfinished: somebody live has no vote, could cast one, and may be asked once more
    ("unfinished", {}, {}),
    ("unfinished", {"answers": []}, {}),
    ("unfinished", {"votes": "alice>bob bob>bob"}, {}),
    ("unfinished", {"votes": "alice>bob bob>bob", "late": ["carol"]}, {}),
    ("unfinished", {"answers": ["bob"], "votes": "alice>bob", "capped": ["bob"]}, FORBID),
    ("unfinished", {"votes": "alice>bob", "capped": NAMES}, FORBID),
    ("unfinished", {"votes": "alice>bob", "failed": ["bob"]}, {}),
    ("unfinished", {"votes": "alice>bob"}, NO_WINNER),
    ("unfinished", {"opened": 2}, {"max_unfinished_rounds": 2}),
    ("unfinished", {"agents": ["alice"], "answers": []}, {}),
    # ... but not: asked often enough, failed, nothing legal, a limit reached
    ("settled", {"votes": "alice>bob", "opened": 2}, {}),
    ("settled", {"votes": "alice>bob"}, {"max_unfinished_rounds": 0}),
    ("settled", {"votes": "alice>bob", "failed": ["bob", "carol"]}, {}),
    ("settled", {"answers": ["bob"], "votes": "alice>bob carol>bob", "capped": ["bob"]}, FORBID),
    ("settled", {"votes": "alice>bob", "limit": "deadline"}, {}),
    ("settled", {"votes": "alice>bob", "limit": "budget"}, {}),
    # ... nor where its own budget is used up, or nothing can change the winner any more
    ("settled", {"votes": "alice>bob bob>bob", "exhausted": ["carol"]}, {}),
    ("unfinished", {"votes": "alice>bob", "exhausted": ["carol"]}, {}),
    ("settled", {"votes": "alice>bob bob>bob"}, {"settle_early": True}),
    ("unfinished", {"votes": "alice>bob"}, {"settle_early": True}),
    ("unfinished", {"votes": "alice>bob bob>bob", "phase": "answer"}, {"settle_early": True}),
    ("settled", {"exhausted": NAMES}, {}),
    # no_answer: nobody has one, and nobody is asked again
    ("no_answer", {"answers": [], "opened": 2}, {}),
    ("no_answer", {"answers": [], "failed": NAMES}, {}),
    ("no_answer", {"answers": [], "limit": "deadline"}, {}),
    ("no_answer", {"answers": [], "opened": 2}, NO_WINNER),
    ("no_answer", {"answers": [], "capped": NAMES}, {}),
    # no_consensus: the rule finds no winner, and there is somebody and something to debate
    ("no_consensus", {"votes": ALL}, NO_WINNER),
    ("no_consensus", {"votes": ALL}, QUORUM),
    ("no_consensus", {"votes": "alice>alice bob>bob carol>carol"}, {"self_votes": "ignore"}),
    ("no_consensus", {"votes": ALL, "debates": 1}, {**NO_WINNER, "max_debate_rounds": 2}),
    ("no_consensus", {"opened": 2}, {}),
    ("no_consensus", {"votes": ALL, "failed": ["bob", "carol"]}, NO_WINNER),
    (
        "no_consensus",
        {"answers": ["bob"], "votes": "alice>bob carol>bob", "capped": ["bob"]},
        {**NO_WINNER, **FORBID},
    ),
    # ... but not: debated often enough, nobody can vote, a limit reached, one agent alone
    ("settled", {"votes": ALL, "debates": 1}, NO_WINNER),
    ("settled", {"votes": ALL}, {**NO_WINNER, "max_debate_rounds": 0}),
    ("settled", {"votes": ALL, "failed": NAMES}, NO_WINNER),
    (
        "settled",
        {"answers": ["bob"], "failed": ["alice", "carol"], "capped": ["bob"]},
        {**NO_WINNER, **FORBID},
    ),
    ("settled", {"votes": ALL, "limit": "deadline"}, NO_WINNER),
    ("settled", {"agents": ["alice"], "answers": ["alice"]}, {}),
    ("unfinished", {"agents": ["alice"], "answers": ["alice"]}, {"single": "coordinate"}),
    # settled: the rule's winner, by however much
    ("settled", {"votes": ALL}, {}),
    ("settled", {"votes": "alice>alice bob>bob carol>bob"}, {}),
    ("settled", {"votes": "alice>alice bob>bob", "failed": ["carol"]}, {}),
    ("settled", {"votes": "alice>alice bob>bob carol>alice"}, {"self_votes": "ignore"}),
    (
        "settled",
        {"agents": ["alice"], "answers": ["alice"], "votes": "alice>alice"},
        {"single": "coordinate", "self_votes": "ignore"},
    ),
]


@pytest.mark.parametrize(("expected", "state", "policy"), TABLE)
def test_verdicts(expected: Verdict, state: dict[str, Any], policy: dict[str, Any]) -> None:
    """Each condition of each verdict, with the one that comes first where several hold."""
    assert verdict(after(**state), Policy(**policy)) == expected


def test_the_table_has_every_verdict() -> None:
    """No verdict is left out of the table."""
    assert {row[0] for row in TABLE} == set(get_args(Verdict))


some = st.lists(st.sampled_from(NAMES), unique=True)
policies = st.builds(
    Policy,
    rule=st.sampled_from(["plurality", nobody]),
    quorum=st.sampled_from([1, 2, 4, 0.5]),
    self_votes=st.sampled_from(["allow", "ignore", "forbid"]),
    max_debate_rounds=st.integers(0, 2),
    max_unfinished_rounds=st.integers(0, 2),
    single=st.sampled_from(["answer", "coordinate"]),
)


@st.composite
def states(draw: st.DrawFn) -> TeamState:
    """Draw the state after any round."""
    agents = NAMES[: draw(st.integers(1, 3))]
    among = st.lists(st.sampled_from(agents), unique=True)
    answers = draw(among)
    voters = draw(among) if answers else []
    return after(
        agents=agents,
        pending=draw(among),
        answers=answers,
        votes=" ".join(f"{voter}>{draw(st.sampled_from(answers))}" for voter in voters),
        failed=draw(among),
        capped=draw(among),
        late=draw(among),
        opened=draw(st.integers(1, 3)),
        debates=draw(st.integers(0, 2)),
        limit=draw(st.sampled_from([None, "deadline"])),
    )


@given(states(), policies)
def test_verdicts_are_total_and_pure(state: TeamState, policy: Policy) -> None:
    """Every state has one of the five verdicts, the same each time, and is left as it was."""
    before = copy.deepcopy(state)
    found = verdict(state, policy)
    assert found in get_args(Verdict)
    assert verdict(state, policy) == found
    assert state == before


@given(states(), policies)
def test_rounds_come_to_an_end(state: TeamState, policy: Policy) -> None:
    """With nothing new and all chances used, a run settles, or has no answer."""
    used = TeamState(
        **{
            **state,
            "pending": [],
            "opened": policy.max_unfinished_rounds + 1,
            "debates": policy.max_debate_rounds,
        }
    )
    assert verdict(used, policy) == ("settled" if state["answers"] else "no_answer")


@given(states(), policies)
def test_what_is_settled_has_a_winner(state: TeamState, policy: Policy) -> None:
    """Whoever wins a settled state has a current answer."""
    if verdict(state, policy) == "settled":
        winner, _ = settle(state, policy)
        assert winner in state["answers"]


CALL = {"name": "search", "args": {}, "id": "1"}


@pytest.mark.parametrize(
    ("expected", "state"),
    [
        ("acted", {"ending": ending("vote", "right", candidate="alice")}),
        ("acted", {"ending": ending("failed", "why", kind="protocol")}),
        ("acted", {"ending": ending("abstained", ""), "tool_calls": [CALL]}),
        ("tool_calls", {"tool_calls": [CALL]}),
        ("tool_calls", {"ending": None, "tool_calls": [CALL], "flaw": None}),
        ("no_action", {}),
        ("no_action", {"ending": None, "tool_calls": []}),
    ],
)
def test_turn_verdicts(expected: TurnVerdict, state: dict[str, Any]) -> None:
    """An ending comes before tools, and tools before a reminder; the state is left as it was."""
    turn = TurnState(**state)  # type: ignore[typeddict-item]
    before = copy.deepcopy(turn)
    assert turn_verdict(turn) == expected
    assert turn == before
