"""The prebuilt graphs, played on a virtual clock."""

from __future__ import annotations

from functools import partial

import pytest

from massgraph import UserError
from massgraph.compose import council, mixture, self_consistency
from massgraph.nodes.events import AgentsReleased, DebateOpened, RoundOpened, TurnStarted
from massgraph.nodes.events import Verdict as VerdictGiven

from .stage import INFINITE, Played, answer, final, play, vote


def verdicts(played: Played) -> list[str]:
    return [event.verdict for event in played.of(VerdictGiven)]


class TestSingle:
    def test_its_answer_stands(self) -> None:
        """One agent answers once, and nobody votes or presents."""
        played = play(graph="single", alice=[answer("9.9")])
        result = played.result
        assert (result.answer, result.settled_by, result.presented) == ("9.9", "single", "reuse")
        assert (result.total.calls, result.rounds) == (1, 1)

    def test_it_never_votes(self) -> None:
        """Whatever the policy says of one agent alone."""
        played = play({"single": "coordinate"}, graph="single", alice=[answer("9.9")])
        assert (played.result.settled_by, played.result.total.calls) == ("single", 1)

    def test_it_may_try_once_more(self) -> None:
        """A deadline that cut it leaves one more round."""
        slow = {"round_deadline_s": 10.0, "soft_deadline_s": 10.0}
        played = play(slow, graph="single", alice=[{"hang": True}, answer("9.9")])
        assert played.result.answer == "9.9"
        assert played.outcomes("alice") == ["abstained", "new_answer"]

    def test_without_an_answer_it_gives_up(self) -> None:
        """A failure is told, and ends the run."""
        played = play(graph="single", alice=[{"error": "auth"}])
        assert (played.result.outcome, played.result.failures["alice"].kind) == (
            "no_answer",
            "auth",
        )

    def test_it_takes_one_agent(self) -> None:
        """A second agent would have nothing to do."""
        with pytest.raises(UserError, match="The graph 'single' takes one agent; there are 2"):
            play(graph="single", alice=[answer("1")], bob=[answer("2")])


class TestDebate:
    def test_drafts_come_first_and_alone(self) -> None:
        """In the first round nobody can vote, and in the round of votes nobody can answer."""
        script = [answer("9.9", when="no_answers"), vote("first")]
        played = play(graph="debate", alice=script, bob=[answer("9.11"), vote("first")])
        assert [call.names for call in played.heard["alice"][:2]] == [{"new_answer"}, {"vote"}]
        assert played.result.settled_by == "consensus"
        assert verdicts(played) == ["new_answer", "settled"]

    def test_two_thirds_must_agree(self) -> None:
        """Two of four are no consensus; the reasons are shown, and a debate changes a vote."""
        votes = {
            "alice": [vote("agent1", "I am sure.")],
            "bob": [vote("agent1", "It is longer.")],
            "carol": [vote("agent3", "It is shorter."), vote("agent1", "Convinced.")],
            "dave": [vote("agent4", "Mine.")],
        }
        cast = {name: [answer(f"by {name}"), *told] for name, told in votes.items()}
        played = play(graph="debate", **cast)
        (debate,) = played.of(DebateOpened)
        assert [ballot["reason"] for ballot in debate.ballots][2:] == ["It is shorter.", "Mine."]
        assert (played.result.winner, played.result.settled_by) == ("alice", "rule")
        assert "It is longer." in played.heard["carol"][2].text
        assert [len(event.asked) for event in played.of(RoundOpened)] == [4, 4, 4]

    def test_a_debate_may_bring_a_new_answer(self) -> None:
        """Whoever is convinced of a third way gives it, and all vote on it."""
        played = play(
            {"max_debate_rounds": 1},
            graph="debate",
            alice=[answer("9.9"), vote("agent1"), answer("9.90, larger"), vote("agent1")],
            bob=[answer("9.11"), vote("agent2"), vote("agent2"), vote("agent1")],
        )
        assert verdicts(played) == ["new_answer", "no_consensus", "new_answer", "settled"]
        assert played.result.answers["alice"] == "9.90, larger"
        assert played.heard["alice"][2].names == {"new_answer", "vote"}
        assert played.heard["alice"][3].names == {"vote"}

    def test_after_the_last_debate_the_most_votes_win(self) -> None:
        """Three debates at most, then plurality's winner."""
        split = {name: [answer(f"by {name}"), vote(f"agent{n}")] for n, name in enumerate("abc", 1)}
        played = play(graph="debate", **split)
        assert verdicts(played).count("no_consensus") == 3
        assert (played.result.settled_by, played.result.winner) == ("debate_limit", "a")

    def test_a_draft_that_is_late_is_asked_for_again(self) -> None:
        """While nobody has drafted, the round of drafts is opened once more."""
        slow = {"round_deadline_s": 10.0, "soft_deadline_s": 10.0}
        played = play(
            slow,
            graph="debate",
            alice=[{"hang": True}, answer("9.9"), vote()],
            bob=[{"hang": True}, answer("9.11"), vote()],
        )
        assert verdicts(played) == ["unfinished", "new_answer", "settled"]


class TestCouncil:
    def cast(self) -> dict[str, list[dict[str, object]]]:
        names = ("alice", "bob", "carol")
        cast: dict[str, list[dict[str, object]]] = {}
        for name in names:
            ranking = {"agent_id": "agent2", "ranking": ["agent2", "agent1"], "reason": "clear"}
            ranks = {"tool_calls": [{"name": "vote", "args": dict(ranking)}]}
            del ranks["tool_calls"][0]["args"]["agent_id"]  # type: ignore[attr-defined]
            cast[name] = [{"new_answer": f"by {name}"}, ranks]
        cast["carol"].append(dict(final("The chair says: by bob.")))
        return cast

    def test_the_last_agent_chairs(self) -> None:
        """All rank, one wins, and the chair writes the answer from all of them."""
        played = play(graph="council", **self.cast())
        result = played.result
        assert (result.winner, result.presented) == ("bob", "synthesize")
        assert result.answer == "The chair says: by bob."
        assert result.votes[0].ranking == ("bob", "alice")
        assert [v.voter for v in result.votes] == ["alice", "bob", "carol"]

    def test_the_ranking_is_anonymous(self) -> None:
        """Whose answer is whose stays hidden until the chair presents."""
        played = play(graph="council", **self.cast())
        ranking, chair = played.heard["carol"][1], played.heard["carol"][2]
        assert not {"alice", "bob"} & set(
            ranking.text.replace("by alice", "").replace("by bob", "").split()
        )
        assert "<bob " in chair.text

    def test_nobody_debates(self) -> None:
        """A rule without a winner ends in the most votes."""
        played = play(
            {"quorum": 3},
            graph=council,
            **self.cast() | {"alice": [answer("x"), {"error": "auth"}]},
        )
        assert "no_consensus" not in verdicts(played)
        assert played.result.outcome == "settled"

    def test_without_a_chair_the_winner_presents(self) -> None:
        """Where nothing is to be merged, nobody chairs."""
        cast = self.cast()
        cast["bob"].append(dict(final("Bob says: by bob.")))
        result = play({"final": "present"}, graph="council", **cast).result
        assert (result.answer, result.presented) == ("Bob says: by bob.", "present")

    def test_another_agent_may_chair(self) -> None:
        """The policy's presenter chairs."""
        cast = self.cast()
        cast["alice"].append(dict(final("Alice chairs.")))
        assert (
            play({"presenter": "alice"}, graph="council", **cast).result.answer == "Alice chairs."
        )


class TestMixture:
    def test_layers_see_the_layer_before(self) -> None:
        """Proposers answer twice, the second time on the answers of the first; one merges."""
        played = play(
            graph="mixture",
            alice=[answer("a1"), answer("a2")],
            bob=[answer("b1"), answer("b2")],
            carol=[final("merged")],
        )
        first, second = played.heard["alice"]
        assert "b1" not in first.text
        assert "a1" in second.text
        assert "b1" in second.text
        assert second.names == {"new_answer"}
        (merging,) = played.heard["carol"]
        assert "a2" in merging.text
        assert "b2" in merging.text
        result = played.result
        assert (result.answer, result.winner, result.presented) == ("merged", "carol", "synthesize")
        assert (result.settled_by, result.votes, result.rounds) == ("single", (), 2)

    def test_a_new_answer_stops_nobody(self) -> None:
        """In a layer all answers count, however late they come."""
        played = play(
            graph="mixture",
            alice=[answer("a1"), answer("a2")],
            bob=[answer("b1"), answer("b2", delay=50.0)],
            carol=[final("merged")],
        )
        assert played.of(AgentsReleased) == []
        assert played.result.answers == {"alice": "a2", "bob": "b2"}

    def test_layers_are_counted(self) -> None:
        """One layer is one round, three are three."""
        for layers in (1, 3):
            proposals = [answer(f"try {n}") for n in range(layers)]
            played = play(
                graph=partial(mixture, layers=layers), alice=proposals, bob=[final("merged")]
            )
            assert played.result.rounds == layers
            assert played.heard["alice"][-1].text.count(f"try {layers - 1}") == 0

    def test_without_anything_new_the_last_layer_is_merged(self) -> None:
        """Proposers that fail in a later layer lose nothing of the first."""
        played = play(
            graph="mixture", alice=[answer("a1"), {"error": "auth"}], carol=[final("merged")]
        )
        assert played.result.answer == "merged"
        assert "a1" in played.heard["carol"][0].text

    def test_an_aggregator_that_fails_leaves_a_stored_answer(self) -> None:
        """What the proposers were paid for is not lost."""
        played = play(
            graph=partial(mixture, layers=1),
            alice=[answer("a1")],
            bob=[answer("b1")],
            carol=[{"error": "auth", "when": "present"}],
        )
        assert (played.result.answer, played.result.presented) == ("a1", "fallback")
        assert played.result.failures["carol"].kind == "auth"

    def test_nobody_has_an_answer(self) -> None:
        """Without proposals there is nothing to merge."""
        played = play(graph="mixture", alice=[{"error": "auth"}], carol=[final("merged")])
        assert (played.result.outcome, played.heard["carol"]) == ("no_answer", [])

    @pytest.mark.parametrize(
        ("policy", "layers", "said"),
        [
            ({}, 0, "layers must be at least 1"),
            ({"max_answers_per_agent": 1}, 2, "2 layers need max_answers_per_agent of 2"),
            ({"final": "reuse"}, 1, "aggregator synthesizes; final can't be 'reuse'"),
            ({"presenter": "dora"}, 1, "presenter names 'dora'"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, policy: dict[str, object], layers: int, said: str
    ) -> None:
        """A mixture that could not run is refused when the team is made."""
        with pytest.raises(UserError, match=said):
            play(
                policy, graph=partial(mixture, layers=layers), alice=[answer("1")], bob=[final("2")]
            )


class TestSelfConsistency:
    def test_the_most_frequent_answer_wins(self) -> None:
        """Samples that say the same in other letters count together."""
        drawn = ["Paris.", "Lyon", "paris", "PARIS!", "Nice"]
        played = play(graph="self_consistency", alice=[answer(text) for text in drawn])
        result = played.result
        assert (result.answer, result.winner) == ("Paris.", "alice_1")
        assert [vote.candidate for vote in result.votes] == [
            "alice_1", "alice_2", "alice_1", "alice_1", "alice_5",
        ]  # fmt: skip
        assert (result.settled_by, result.presented) == ("rule", "reuse")
        assert (result.total.calls, len(result.dissent)) == (5, 2)

    def test_samples_see_nothing_of_each_other(self) -> None:
        """All are drawn at the same time, from the same prompt."""
        played = play(graph="self_consistency", alice=[answer(f"{n}") for n in range(5)])
        assert {call.text for call in played.heard["alice"]} == {played.heard["alice"][0].text}
        assert {event.t for event in played.of(TurnStarted)} == {0.0}

    def test_a_sample_s_word_counts_for_itself(self) -> None:
        """Whatever a policy says of self-votes: its answer is its vote."""
        policy = {"self_votes": "ignore", "rule": "unanimity"}
        graph = partial(self_consistency, samples=3)
        played = play(policy, graph=graph, alice=[answer("A"), answer("A"), answer("B")])
        assert (played.result.settled_by, len(played.result.dissent)) == ("debate_limit", 1)

    def test_a_key_of_ones_own(self) -> None:
        """What makes answers equal may be told: here the last word."""
        graph = partial(self_consistency, samples=3, key=lambda text: text.split()[-1])
        drawn = ["I think 7", "It must be 8", "Surely 8"]
        played = play(graph=graph, alice=[answer(text) for text in drawn])
        assert played.result.answer == "It must be 8"

    def test_samples_that_fail_are_left_out(self) -> None:
        """The others decide."""
        drawn = [answer("8"), {"error": "bad_request"}, answer("8"), answer("9"), answer("9")]
        played = play(INFINITE, graph="self_consistency", alice=drawn)
        assert played.result.answer in ("8", "9")
        assert len(played.result.failures) == 1
        assert len(played.result.votes) == 4
