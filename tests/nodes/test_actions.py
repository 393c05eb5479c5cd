from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import ToolCall

from massgraph.nodes.actions import (
    Answered,
    Judgement,
    Legal,
    Refused,
    Silent,
    Voted,
    WantsTools,
    action_schemas,
    fold_space,
    judge,
    legal_actions,
)
from massgraph.nodes.policy import Policy
from massgraph.nodes.state import Answer, TeamState

BOTH = Legal(answer=True, targets={"agent1": "alice", "agent2": "bob"})
RANKED = Legal(answer=True, targets={"agent1": "alice", "agent2": "bob"}, ranked=True)
VOTE_ONLY = Legal(answer=False, targets={"agent1": "alice"})
ANSWER_ONLY = Legal(answer=True, targets={})
ANSWERS = {"alice": "It is  9.9.", "bob": "It is 9.11."}


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(name=name, args=args, id="1")


VOTE = call("vote", agent_id="agent2", reason="right")
NEW = call("new_answer", content=" New.\n")
SEARCH = call("search", query="x")


@pytest.mark.parametrize(
    ("calls", "legal", "expected"),
    [
        ([], BOTH, Silent()),
        ([VOTE], BOTH, Voted("bob", "right")),
        ([call("vote", agent_id="agent1")], VOTE_ONLY, Voted("alice", "")),
        ([call("vote", agent_id="agent1", reason=3)], BOTH, Voted("alice", "3")),
        ([NEW], BOTH, Answered(" New.\n")),
        ([NEW], ANSWER_ONLY, Answered(" New.\n")),
        ([call("vote", ranking=["agent2"])], RANKED, Voted("bob", "", ("bob",))),
        (
            [call("vote", ranking=["agent2", "agent1"], agent_id="agent1", reason="x")],
            RANKED,
            Voted("bob", "x", ("bob", "alice")),
        ),
        ([SEARCH], BOTH, WantsTools((SEARCH,))),
        ([SEARCH, SEARCH], BOTH, WantsTools((SEARCH, SEARCH))),
        ([SEARCH], Legal(answer=False, targets={}), WantsTools((SEARCH,))),
    ],
)
def test_what_counts(calls: list[ToolCall], legal: Legal, expected: Judgement) -> None:
    """A reply counts when it is nothing but own tools, or nothing but one legal action."""
    assert judge(calls, legal, frozenset({"search"}), ANSWERS) == expected


@pytest.mark.parametrize(
    ("calls", "legal", "why"),
    [
        ([VOTE, VOTE], BOTH, "exactly one call"),
        ([NEW, NEW], BOTH, "exactly one call"),
        ([VOTE, NEW], BOTH, "exactly one call"),
        ([SEARCH, VOTE], BOTH, "tools first"),
        ([NEW, SEARCH], BOTH, "tools first"),
        ([VOTE], ANSWER_ONLY, "no tool 'vote' now; there are: search, new_answer"),
        ([NEW], VOTE_ONLY, "no tool 'new_answer' now; there are: vote, search"),
        ([call("browse")], BOTH, "no tool 'browse' now"),
        ([call("")], BOTH, "no tool '' now"),
        ([VOTE, call("Vote")], BOTH, "no tool 'Vote' now"),
        ([call("vote", agent_id="agent3")], BOTH, "'agent3'; you can for: agent1, agent2"),
        ([call("vote", agent_id="alice")], BOTH, "'alice'; you can"),
        ([call("vote", agent_id="AGENT1")], BOTH, "'AGENT1'; you can"),
        ([call("vote", agent_id=1)], BOTH, "1; you can"),
        ([call("vote", agent_id=["agent1"])], BOTH, "you can"),
        ([call("vote")], BOTH, "None; you can"),
        ([VOTE], RANKED, "must be a list of labels, the best first, not None"),
        ([call("vote", ranking=["agent1", 2])], RANKED, "can't rank 2; you can rank: agent1, ag"),
        ([call("vote", ranking=["agent1"] * 2)], RANKED, "names 'agent1' twice"),
        ([call("vote", ranking=["x" * 999])], RANKED, "can't rank 'xxxxxxxxx"),
        ([call("new_answer")], BOTH, "not empty"),
        ([call("new_answer", content=" \n")], BOTH, "not empty"),
        ([call("new_answer", content=42)], BOTH, "not empty"),
        ([call("new_answer", content=None)], BOTH, "not empty"),
        ([call("new_answer", content="It is 9.9.")], BOTH, "there already"),
        ([call("new_answer", content="\tIt is\n9.11. ")], BOTH, "there already"),
    ],
)
def test_what_is_refused(calls: list[ToolCall], legal: Legal, why: str) -> None:
    """Everything else is refused, with what was wrong and what is there instead."""
    found = judge(calls, legal, frozenset({"search"}), ANSWERS)
    assert isinstance(found, Refused)
    assert why in found.why
    assert found.what == " + ".join(c["name"] for c in calls)


names = st.sampled_from(["vote", "new_answer", "search", "other", ""])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("agent1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)
args = st.dictionaries(st.sampled_from(["agent_id", "ranking", "reason", "content", "x"]), anything)
replies = st.lists(st.builds(lambda name, args: call(name, **args), names, args), max_size=3)


@given(replies, st.sampled_from([BOTH, RANKED, VOTE_ONLY, ANSWER_ONLY]))
def test_every_reply_is_judged(calls: list[ToolCall], legal: Legal) -> None:
    """Whatever a model calls, the judgement is one that the agent may have."""
    match judge(calls, legal, frozenset({"search"}), ANSWERS):
        case Voted(candidate=candidate, ranking=ranking):
            assert candidate in legal.targets.values()
            assert legal.ranked == bool(ranking)
            assert not ranking or (candidate == ranking[0] and len(set(ranking)) == len(ranking))
        case Answered(text=text):
            assert legal.answer
            assert fold_space(text) not in map(fold_space, ANSWERS.values())
        case WantsTools(calls=wanted):
            assert {c["name"] for c in wanted} == {"search"}
        case Silent():
            assert not calls
        case Refused(why=why):
            assert why


def state(*answered: str, agents: int = 3, **drafts: int) -> TeamState:
    names = ("alice", "bob", "carol")[:agents]
    return TeamState(
        messages=[],
        labels={f"agent{number}": agent for number, agent in enumerate(names, start=1)},
        answers={a: Answer(agent=a, text=a, epoch=1) for a in answered},
        drafts=drafts,
        phase="coordinate",
        epoch=1,
    )


@pytest.mark.parametrize(
    ("now", "policy", "answer", "targets"),
    [
        (state(), Policy(), True, []),
        (state("alice", "carol"), Policy(), True, ["agent1", "agent3"]),
        (state("alice", alice=2), Policy(), True, ["agent1"]),
        (state("alice", alice=3), Policy(), False, ["agent1"]),
        (state(alice=1), Policy(max_answers_per_agent=1), False, []),
        (state("alice", "bob"), Policy(self_votes="forbid"), True, ["agent2"]),
        (state("alice"), Policy(self_votes="forbid"), True, []),
        (state("alice"), Policy(self_votes="ignore"), True, ["agent1"]),
        (state("alice", agents=1), Policy(), False, []),
        (state(agents=1), Policy(), True, []),
        (state("alice", agents=1), Policy(single="coordinate"), True, ["agent1"]),
        (
            state("alice", agents=1),
            Policy(single="coordinate", self_votes="forbid"),
            True,
            ["agent1"],
        ),
    ],
)
def test_what_alice_may_do(
    now: TeamState, policy: Policy, answer: bool, targets: list[str]
) -> None:
    """What is legal follows from the answers, the cap and the policy."""
    legal = legal_actions(now, "alice", policy)
    assert (legal.answer, list(legal.targets)) == (answer, targets)
    assert legal.nothing == (not answer and not targets)


@pytest.mark.parametrize("legal", [BOTH, VOTE_ONLY, ANSWER_ONLY, Legal(answer=False, targets={})])
def test_a_model_is_offered_what_is_legal(legal: Legal) -> None:
    """The tools offered are the legal actions, and a vote's labels are an enum."""
    offered = {tool.name: tool.parameters for tool in action_schemas(legal)}
    assert ("new_answer" in offered) == legal.answer
    assert ("vote" in offered) == bool(legal.targets)
    if legal.targets:
        assert offered["vote"]["properties"]["agent_id"]["enum"] == list(legal.targets)
