"""Whole runs under each rule: majorities, rankings, debates, and rules of one's own."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from massgraph import rule
from massgraph.nodes.events import ActionRefused, DebateOpened, Verdict, VoteCast, WinnerSelected
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote, registry

from .stage import Played, answer, calls, play

NOTHING = {"alice": 0, "bob": 0, "carol": 0}
"""Ballots that elect nobody."""
NAMES = ("alice", "bob", "carol", "dave", "erin")
Ballot = str | Sequence[str]


def election(policy: Mapping[str, Any], *rounds: Sequence[Ballot]) -> Played:
    """Play a team in which everybody answers, and then votes once for each of the rounds."""
    team = {
        name: [
            answer(f"{name}'s answer."),
            *({"vote": ballot, "reason": f"{name}'s reason"} for ballot in ballots),
        ]
        for name, *ballots in zip(NAMES, *rounds, strict=False)
    }
    return play(policy, **team)


def settled(played: Played) -> tuple[str | None, str | None]:
    """Return who won, and by what."""
    return played.result.winner, played.result.settled_by


def verdicts(played: Played) -> list[str]:
    """Return the verdicts after the first, which is always new_answer."""
    return [event.verdict for event in played.of(Verdict)][1:]


def labels(*rankings: str) -> list[list[str]]:
    """Return rankings by label from ones by number: `213`."""
    return [[f"agent{number}" for number in ranking] for ranking in rankings]


@pytest.mark.parametrize(
    ("policy", "ballots", "expected"),
    [
        ({"rule": "majority"}, ["agent2", "agent2", "agent3"], ("bob", "rule")),
        ({"rule": "majority"}, ["agent2", "agent2", "agent2"], ("bob", "consensus")),
        ({"rule": "supermajority"}, ["agent2", "agent2", "agent3"], ("bob", "rule")),
        ({"rule": "supermajority", "threshold": 0.5}, ["agent3", "agent3", "agent1", "agent1"], ("alice", "tie_break")),
        ({"rule": "unanimity"}, ["agent3"] * 3, ("carol", "consensus")),
        ({"rule": "unanimity", "weights": {"alice": 0}}, ["agent1", "agent3", "agent3"], ("carol", "rule")),
        ({"rule": "borda"}, labels("123", "231", "231"), ("bob", "rule")),
        ({"rule": "borda"}, labels("123", "132", "1"), ("alice", "consensus")),
        ({"rule": "borda"}, labels("123", "231", "312"), ("alice", "tie_break")),
        ({"rule": "borda", "weights": {"carol": 3}}, labels("123", "123", "321"), ("carol", "rule")),
        ({"rule": "ranked"}, labels("1234", "1234", "2341", "3241", "3214"), ("carol", "rule")),
        ({"rule": "ranked"}, labels("123", "231", "312"), ("alice", "tie_break")),
        ({"rule": "ranked"}, labels("21", "213", "2"), ("bob", "consensus")),
    ],
)  # fmt: skip
def test_what_settles_it(
    policy: Mapping[str, Any], ballots: Sequence[Ballot], expected: tuple[str, str]
) -> None:
    """Each rule decides a run without a debate."""
    played = election(policy, ballots)
    assert verdicts(played) == ["settled"]
    assert settled(played) == expected


@pytest.mark.parametrize(
    ("policy", "first", "second", "expected"),
    [
        ({"rule": "majority"}, ["agent1", "agent2", "agent3"], ["agent2", "agent2", "agent3"], ("bob", "rule")),
        ({"rule": "supermajority", "threshold": 1}, ["agent1", "agent2", "agent2"], ["agent2"] * 3, ("bob", "consensus")),
        ({"rule": "unanimity"}, ["agent1", "agent2", "agent2"], ["agent1", "agent2", "agent2"], ("bob", "debate_limit")),
        ({"rule": "borda", "self_votes": "ignore"}, ["agent1", "agent2", "agent3"], labels("21", "213", "31"), ("alice", "rule")),
        ({"rule": "ranked", "quorum": 1, "weights": NOTHING}, labels("21", "21", "32"), labels("21", "21", "32"), ("alice", "debate_limit")),
    ],
)  # fmt: skip
def test_a_debate(
    policy: Mapping[str, Any],
    first: Sequence[Ballot],
    second: Sequence[Ballot],
    expected: tuple[str, str],
) -> None:
    """No winner opens a debate, in which the reasons are shown; then plurality decides."""
    played = election(policy, first, second)
    assert verdicts(played) == ["no_consensus", "settled"]
    assert settled(played) == expected
    if policy.get("self_votes") != "ignore":
        assert len(played.of(DebateOpened)[0].ballots) == 3
        assert "bob's reason" in played.heard["alice"][2].text


def test_a_ranking_comes_from_the_model_to_the_result() -> None:
    """By real ids, the best first, in the events, the result and the dissent."""
    played = election({"rule": "ranked"}, labels("312", "31", "2"))
    ranked = [("carol", "alice", "bob"), ("carol", "alice"), ("bob",)]
    assert [vote.ranking for vote in played.result.votes] == ranked
    assert [vote.candidate for vote in played.result.votes] == ["carol", "carol", "bob"]
    assert [tuple(e.ranking or ()) for e in played.of(VoteCast)] == ranked
    assert [vote.ranking for vote in played.result.dissent] == [("bob",)]
    assert played.result.to_dict()["votes"][0] == {
        "voter": "alice",
        "candidate": "carol",
        "reason": "alice's reason",
        "ranking": ["carol", "alice", "bob"],
    }
    assert settled(played) == ("carol", "rule")


def test_without_a_ranked_rule_there_is_no_ranking() -> None:
    """Neither in the schema, nor in the result."""
    played = election({}, ["agent1"] * 3)
    assert all("ranking" not in vote for vote in played.result.to_dict()["votes"])
    assert played.result.votes[0].ranking == ()
    assert played.of(VoteCast)[0].ranking is None


@pytest.mark.parametrize("rule", ["borda", "ranked"])
def test_what_a_model_is_asked(rule: str) -> None:
    """For a ranking of the labels it may vote for, and for nothing else."""
    played = election({"rule": rule, "self_votes": "forbid"}, ["first"] * 3)
    call = played.heard["alice"][1]
    (vote,) = [tool for tool in call.tools if tool.name == "vote"]
    assert vote.parameters["required"] == ["reason", "ranking"]
    assert list(vote.parameters["properties"]) == ["reason", "ranking"]
    ranking = vote.parameters["properties"]["ranking"]
    assert ranking["items"]["enum"] == ["agent2", "agent3"]
    assert (ranking["minItems"], ranking["uniqueItems"]) == (1, True)
    assert "best first" in call.text


def test_a_script_may_rank_by_words() -> None:
    """`first`, `last` and labels, alone or in a list."""
    played = election({"rule": "borda"}, ["first", "last", ["last", "agent1"]])
    ranked = [("alice",), ("carol",), ("carol", "alice")]
    assert [vote.ranking for vote in played.result.votes] == ranked


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["agent1", "agent9"], "You can't rank 'agent9'; you can rank: agent1, agent2."),
        (["agent1", "agent1"], "ranking names 'agent1' twice; name each label once at most."),
        ([], "ranking must be a list of labels, the best first, not []; you can rank: agent1, "),
        ("agent1", "must be a list of labels, the best first, not 'agent1'"),
        (None, "must be a list of labels, the best first, not None"),
        ([["agent1"]], "You can't rank ['agent1']"),
        (["alice"], "You can't rank 'alice'"),
    ],
)
def test_a_ranking_that_is_none(given: object, why: str) -> None:
    """It is refused with one line, and the agent votes again."""
    wrong = calls(("vote", {"ranking": given, "agent_id": "agent1", "reason": "x"}))
    played = play(
        {"rule": "ranked"},
        alice=[answer("A."), wrong, {"vote": ["agent1"]}],
        bob=[answer("B."), {"vote": ["agent1"]}],
    )
    (refused,) = played.of(ActionRefused)
    assert why in refused.why
    assert "\n" not in refused.why
    assert why in played.heard["alice"][2].tool_results[0].text
    assert settled(played) == ("alice", "consensus")


def test_a_debate_shows_the_order() -> None:
    """By labels, with the reason, and not whose it is."""
    ballots = labels("312", "31", "2")
    played = election({"rule": "ranked", "weights": NOTHING}, ballots, ballots)
    text = played.heard["bob"][2].text
    assert "reason for agent3 before agent1 before agent2 " in text
    assert "reason for agent3 before agent1 " in text
    assert "reason for agent2 " in text
    assert [b.get("ranking") for b in played.of(DebateOpened)[0].ballots] == [
        ["carol", "alice", "bob"],
        ["carol", "alice"],
        ["bob"],
    ]
    assert settled(played) == ("alice", "debate_limit")


def test_a_ranking_may_lose_its_voter() -> None:
    """Where votes for oneself are ignored, the rest of a ranking counts; the result has it all."""
    policy = {"rule": "ranked", "self_votes": "ignore"}
    played = election(policy, labels("12", "213", "32", "413"))
    assert settled(played) == ("alice", "tie_break")
    assert [v.ranking for v in played.result.dissent] == [("carol", "bob")]
    assert played.result.dissent[0] in played.result.votes


def test_a_winner_does_not_dissent() -> None:
    """Its vote for itself may be ignored, and the rest of its ranking count for another."""
    policy = {"rule": "ranked", "self_votes": "ignore"}
    played = election(policy, labels("12", "213", "32"))
    assert settled(played) == ("bob", "rule")
    assert played.result.votes[1].ranking == ("bob", "alice", "carol")
    assert played.result.dissent == ()


# --- rules of one's own --------------------------------------------------------------------------


def fewest_last(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect whom nobody ranks last."""
    last = {ballot["ranking"][-1] for ballot in ballots if "ranking" in ballot}
    left = [one.agent for one in candidates if one.agent not in last]
    return Decision(left[0]) if len(left) == 1 else None


def test_a_rule_by_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with rankings, and named in the first event."""
    monkeypatch.setattr(registry, "_rules", dict(registry.RULES))
    rule("fewest last", ranked=True)(fewest_last)
    played = election({"rule": "fewest last"}, labels("123", "321", "213"))
    assert settled(played) == ("bob", "rule")
    assert [v.voter for v in played.result.dissent] == ["alice", "bob"]
    assert played.of(WinnerSelected)[0].winner == "bob"
    assert played.events[0].type == "run_started"
    assert played.events[0].policy["rule"] == "fewest last"


def test_a_rule_by_entry_point(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package brings it, and `rule:` names it."""
    info = tmp_path / "last_of_all-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: last_of_all\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[massgraph.rules]\nlast_of_all = last_of_all:elect\n")
    (tmp_path / "last_of_all.py").write_text(
        "from massgraph.nodes.rules import Decision\n\n\n"
        "def elect(ballots, candidates, electorate, options):\n"
        "    return Decision(candidates[-1].agent)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    played = election({"rule": "last_of_all"}, ["agent1"] * 3)
    assert settled(played) == ("carol", "rule")
    registry._found.cache_clear()
