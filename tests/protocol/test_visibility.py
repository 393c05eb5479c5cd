"""Who is shown what in whole runs, and that it decides what may be done."""

from __future__ import annotations

import re
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.prefix import split_stable
from massgraph.nodes.actions import legal_actions
from massgraph.nodes.events import ActionRefused, RoundOpened, TurnStarted, VoteCast
from massgraph.nodes.policy import PolicyFields
from massgraph.nodes.prompts import turn_messages
from massgraph.nodes.state import Answer, Phase, TeamState
from massgraph.nodes.visibility import Sight

from ..vloop import run_virtual
from .stage import (
    Actor,
    Call,
    Played,
    Script,
    answer,
    cast_of,
    final,
    play,
    play_team,
    vote,
)

FENCE = re.compile(r"^<(agent\d+) [0-9a-f]{12}>$", re.MULTILINE)
TEXTS = {"ann": "Alpha.", "ben": "Beta.", "cyd": "Gamma.", "dan": "Delta."}


def shown(call: Call) -> list[str]:
    """Return the labels of the answers in a prompt."""
    return FENCE.findall(call.text)


def only_leader(sight: Sight) -> list[str]:
    """Show everybody the first agent's answer."""
    return [sight.agents[0]]


def drafts_then_votes(policy: dict[str, Any], **labels: str) -> Played:
    """Play a run in which everybody drafts, and then votes for what it is told to."""
    scripts = {
        agent: [answer(text), vote(labels.get(agent, "first"), f"{agent}'s"), final("Final.")]
        for agent, text in TEXTS.items()
    }
    return play(policy, **scripts)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, {agent: [1, 2, 3, 4] for agent in TEXTS}),
        ({"visibility": "ring"}, {"ann": [1, 2], "ben": [2, 3], "cyd": [3, 4], "dan": [1, 4]}),
        (
            {"visibility": "ring", "visible_peers": 2},
            {"ann": [1, 2, 3], "ben": [2, 3, 4], "cyd": [1, 3, 4], "dan": [1, 2, 4]},
        ),
        ({"visibility": "none"}, {agent: [1, 2, 3, 4] for agent in TEXTS}),
        (
            {"visibility": only_leader},
            {"ann": [1], "ben": [1, 2], "cyd": [1, 3], "dan": [1, 4]},
        ),
    ],
)
def test_prompts_labels_and_votes_go_together(
    policy: dict[str, Any], expected: dict[str, list[int]]
) -> None:
    """What is shown is what may be voted for, and what the event tells; labels stay the same."""
    played = drafts_then_votes(policy)
    for agent, numbers in expected.items():
        labels = [f"agent{n}" for n in numbers]
        draft, ballot = played.heard[agent][:2]
        assert shown(draft) == []
        assert draft.names == {"new_answer"}
        assert shown(ballot) == ballot.targets == labels
        hidden = [t for n, t in enumerate(TEXTS.values(), 1) if n not in numbers]
        assert not [text for text in hidden if text in ballot.text]
        assert [e.answers for e in played.of(TurnStarted, agent)] == [[], labels]


def test_a_draw_is_seen_whole() -> None:
    """What is drawn is shown and can be voted for; another seed draws otherwise."""
    seen = []
    for seed in range(4):
        played = drafts_then_votes({"visibility": "random", "visible_peers": 2, "seed": seed})
        ballots = {agent: calls[1] for agent, calls in played.heard.items()}
        for number, (agent, call) in enumerate(ballots.items(), 1):
            assert shown(call) == call.targets
            assert f"agent{number}" in call.targets
            assert len(call.targets) == 3
            assert played.of(TurnStarted, agent)[1].answers == call.targets
        seen.append([call.targets for call in ballots.values()])
    assert len({str(targets) for targets in seen}) > 1


def test_nobody_sees_a_draft() -> None:
    """Under `none` everybody drafts alone; then all are shown, and there is one round of votes."""
    played = play(
        {"visibility": "none", "max_debate_rounds": 0, "self_votes": "forbid"},
        ann=[answer("Alpha."), answer("Better."), vote("agent2"), final("Final.")],
        ben=[answer("Beta.", delay=30), vote("agent1"), final("Final.")],
        cyd=[answer("Gamma.", delay=60), vote("agent2")],
    )
    assert [event.asked for event in played.of(RoundOpened)] == [["ann", "ben", "cyd"]] * 2
    assert played.result.rounds == 2
    ballot = played.heard["ann"][1]
    assert ballot.names == {"vote"}
    assert ballot.targets == ["agent2", "agent3"]
    assert shown(ballot) == ["agent1", "agent2", "agent3"]
    assert "No new answers are taken now" in ballot.text
    (refused,) = played.of(ActionRefused)
    assert (refused.agent, refused.what) == ("ann", "new_answer")
    assert "There is no tool 'new_answer' now; there are: vote." in refused.why
    assert [v.candidate for v in played.of(VoteCast)] == ["ben", "ann", "ben"]
    assert played.result.winner == "ben"


def test_who_missed_the_drafts_may_only_vote() -> None:
    """Under `none` a late agent sees the others' answers, so it gives none of its own."""
    played = play(
        {"visibility": "none", "round_deadline_s": 50},
        ann=[answer("Alpha."), vote("agent1"), final("Final.")],
        ben=[{"hang": True}, {"hang": True}, vote("agent1")],
    )
    assert played.heard["ben"][-1].names == {"vote"}
    assert played.result.settled_by == "consensus"


def test_a_label_that_is_hidden_is_not_there() -> None:
    """A vote for an answer that the voter does not see is refused by the labels it may name."""
    played = play(
        {"visibility": "ring", "final": "reuse"},
        ann=[answer("Alpha."), vote("agent3"), vote("agent2")],
        ben=[answer("Beta."), vote("agent2")],
        cyd=[answer("Gamma."), vote("agent3")],
    )
    (refused,) = played.of(ActionRefused)
    assert refused.why == "You can't vote for 'agent3'; you can for: agent1, agent2."
    assert played.result.winner == "ben"


def test_who_sees_nothing_to_vote_for_is_not_called() -> None:
    """It abstains without a call when it may not answer either; the others settle."""
    played = play(
        {
            "visibility": lambda sight: [],
            "self_votes": "forbid",
            "max_answers_per_agent": 1,
            "final": "reuse",
        },
        ann=[answer("Alpha.")],
        ben=[answer("Beta.")],
    )
    assert [len(calls) for calls in played.heard.values()] == [1, 1]
    assert played.outcomes("ann") == ["new_answer", "abstained"]
    assert played.result.winner == "ann"


def test_who_sees_nobody_drafts_first() -> None:
    """An agent without an answer of its own, that sees none, is asked for one."""
    played = play(
        {"visibility": lambda sight: [], "round_deadline_s": 50, "final": "reuse"},
        ann=[answer("Alpha."), vote("agent1"), vote("agent1")],
        ben=[{"hang": True}, {"hang": True}, answer("Beta."), vote("agent2")],
    )
    late = played.heard["ben"][2]
    assert late.names == {"new_answer"}
    assert "You see no answers yet." in late.text
    assert "There are no answers yet." not in late.text


def test_reasons_are_shown_for_what_is_seen() -> None:
    """In a debate, and for no other answer."""
    played = play(
        {"visibility": "ring", "quorum": 4, "max_unfinished_rounds": 0, "final": "reuse"},
        ann=[answer("Alpha."), vote("agent2", "For beta."), vote("agent2")],
        ben=[answer("Beta."), vote("agent2", "My own."), vote("agent2")],
        cyd=[answer("Gamma."), vote("agent4", "For delta."), vote("agent4")],
        dan=[answer("Delta."), {"error": "auth"}],
    )
    again = {agent: calls[-1].text for agent, calls in played.heard.items() if agent != "dan"}
    assert {a for a, text in again.items() if "For beta." in text} == {"ann", "ben"}
    assert {a for a, text in again.items() if "My own." in text} == {"ann", "ben"}
    assert {a for a, text in again.items() if "For delta." in text} == {"cyd"}
    assert all("These reasons were given" in text for text in again.values())


def test_whoever_presents_sees_everything() -> None:
    """All answers and votes, whatever it saw before."""
    played = drafts_then_votes({"visibility": "ring", "visible_peers": 1}, ben="agent2")
    presenting = played.heard[played.result.winner or ""][-1]
    assert presenting.names == set()
    assert all(text in presenting.text for text in TEXTS.values())
    assert all(f"{agent}'s" in presenting.text for agent in TEXTS)


def test_only_what_is_seen_makes_an_answer_old() -> None:
    """An answer as a hidden one is accepted: that there is one is not given away."""
    played = play(
        {"visibility": "ring", "on_new_answer": "finish", "final": "reuse"},
        ann=[answer("Alpha."), answer("Gamma."), vote("agent1")],
        ben=[answer("Beta."), answer("Alpha."), answer("Gamma."), vote("agent2"), vote("agent2")],
        cyd=[answer("Gamma."), vote("agent3"), vote("agent3")],
    )
    assert [event.agent for event in played.of(ActionRefused)] == ["ben"]
    assert played.result.answers == {"ann": "Gamma.", "ben": "Alpha.", "cyd": "Gamma."}


LONG = "The second number is larger because nine tenths are more than eleven hundredths."


def test_a_close_answer_is_refused_in_the_turn() -> None:
    """The agent is told, and its next try counts."""
    played = play(
        {"novelty": "lenient", "final": "reuse"},
        ann=[answer(LONG), vote("agent1", when="answers"), vote("agent1")],
        ben=[answer("Beta."), answer(f"{LONG} Really!"), answer("It is 9.9."), vote("agent2")],
    )
    (refused,) = played.of(ActionRefused)
    assert refused.agent == "ben"
    assert refused.why.startswith("This answer is too close to agent1's: 92.9% of the words")
    assert "at most 70% may be. So vote for it, or give one" in refused.why
    told = played.heard["ben"][2].tool_results
    assert [message.text for message in told] == [refused.why]
    assert played.result.answers["ben"] == "It is 9.9."


def test_too_close_too_often_fails() -> None:
    """After all its attempts the turn has failed, and the others settle."""
    played = play(
        {"novelty": 0.5, "attempts": 2, "final": "reuse"},
        ann=[answer(LONG), vote("agent1"), vote("agent1")],
        ben=[answer("Beta."), answer(f"{LONG} Yes."), answer(f"No. {LONG}")],
    )
    assert played.outcomes("ben") == ["new_answer", "failed"]
    failure = played.result.failures["ben"]
    assert failure.kind == "protocol"
    assert "too close to agent1's" in failure.message


def test_ones_own_answer_counts() -> None:
    """An agent that says nearly the same again is refused, too."""
    played = play(
        {"novelty": "strict", "final": "reuse"},
        ann=[answer(LONG), answer(f"Yes: {LONG}"), vote("agent1")],
        ben=[answer("Beta."), vote("agent1")],
    )
    (refused,) = played.of(ActionRefused)
    assert "too close to agent1's" in refused.why


OWN = {
    "rules": "{count} of you: {sees} {ballot} | {enough} {{x}}",
    "sees_all": "All see all.",
    "ballot": "Say one.",
    "enough_balanced": "When good.",
    "answers": "THE ANSWERS",
    "first": "GO FIRST",
    "choose_balanced": "CHOOSE",
    "vote_only": "ONLY VOTE",
    "no_call": "CALL {tools}!",
    "hurry": "QUICK, {tools}!",
    "present": "YOU WON",
    "present_answers": "ALL ANSWERS",
    "present_votes": "ALL VOTES",
    "present_winner": "IT IS {winner}",
}


def test_words_of_ones_own_reach_the_model() -> None:
    """Each of them in its place, and none of ours besides."""
    played = play(
        {"templates": OWN, "max_answers_per_agent": 1, "round_deadline_s": 50},
        ann=[{"text": "Hm."}, answer("Alpha."), {"hang": True}, vote("agent1"), final("Final.")],
        ben=[answer("Beta."), vote("agent1")],
    )
    heard = played.heard["ann"]
    assert heard[0].messages[0].text == "2 of you: All see all. Say one. | When good. {x}"
    assert heard[0].text.endswith("GO FIRST")
    assert heard[1].messages[-1].text == "CALL `new_answer`!"
    assert "\n\nTHE ANSWERS\n\n<agent1 " in heard[2].text
    assert heard[2].text.endswith("ONLY VOTE")
    assert heard[3].messages[-1].text == "QUICK, `vote`!"
    presenting = heard[4]
    assert presenting.messages[0].text == "YOU WON"
    assert "ALL ANSWERS" in presenting.text
    assert "ALL VOTES" in presenting.text
    assert presenting.text.endswith("IT IS ann")


def state(phase: Phase, *answered: str, capped: bool = False) -> TeamState:
    """Return a state in which these have a current answer."""
    return TeamState(
        messages=[HumanMessage("Q?")],
        labels={f"agent{n}": agent for n, agent in enumerate(TEXTS, 1)},
        answers={a: Answer(agent=a, text=TEXTS[a], epoch=1) for a in answered},
        drafts={"ann": 3} if capped else {},
        ballots=[],
        notes={},
        nonce="0123456789ab",
        phase=phase,
        epoch=1,
    )


def told(now: TeamState, policy: PolicyFields, *, brief: bool = False) -> tuple[str, str]:
    """Return the rules that the first agent is told, and what it is told to do now."""
    actor = Actor([answer("A.")])
    actor.brief_prompts = brief
    member = Agent("ann", actor).member()
    rules, question = turn_messages(now, member, policy, legal_actions(now, "ann", policy), [])
    _, shown_now = split_stable(question)
    return rules.text, shown_now[0]["text"].rsplit("\n\n", 1)[-1] if shown_now else ""


@pytest.mark.parametrize(
    ("now", "keys", "expected", "brief"),
    [
        (state("coordinate"), {}, "There are no answers yet.", ""),
        (state("answer"), {}, "There are no answers yet.", ""),
        (state("coordinate", *TEXTS), {}, "Is one of these answers good enough?", "Which"),
        (state("answer", *TEXTS), {}, "Nobody votes now.", "Write a better answer."),
        (state("vote", *TEXTS), {}, "No new answers are taken now: `vote`", "Which"),
        (state("vote", *TEXTS, capped=True), {}, "No new answers are taken now", "Which"),
        (state("coordinate", *TEXTS, capped=True), {}, "You have given all", "Which"),
        (state("coordinate", "ann"), {"self_votes": "forbid"}, "There is no answer that", "Write"),
        (state("coordinate", *TEXTS), {"visibility": "none"}, "No new answers are", "Which"),
        (state("answer", *TEXTS), {"visibility": "none"}, "Nobody votes now.", "Write"),
        (state("answer", "ben"), {"visibility": "none"}, "You see no answers yet.", ""),
    ],
)
def test_what_to_do_now(now: TeamState, keys: dict[str, Any], expected: str, brief: str) -> None:
    """The words fit what the round asks for and what the agent sees."""
    assert told(now, Policy(**keys))[1].startswith(expected)
    assert told(now, Policy(**keys), brief=True)[1].startswith(brief)


def test_sensitivity_is_a_matter_of_words() -> None:
    """Rules and what to do say how good is good enough, and nothing else changes."""
    now = state("coordinate", *TEXTS)
    texts = {
        name: told(now, Policy(voting_sensitivity=name))
        for name in ("lenient", "balanced", "strict")
    }
    assert len({rules for rules, _ in texts.values()}) == 3
    assert len({what for _, what in texts.values()}) == 3
    assert "even if it could be better" in texts["lenient"][1]
    assert "nothing left to improve" in texts["strict"][1]
    legal = {str(legal_actions(now, "ann", Policy(voting_sensitivity=name))) for name in texts}
    assert len(legal) == 1


@pytest.mark.parametrize(
    ("visibility", "words"),
    [
        ("all", "the current answers of the team"),
        ("ring", "some of your peers' current answers"),
        (only_leader, "some of your peers' current answers"),
        ("none", "At first nobody sees what the others write."),
    ],
)
def test_the_rules_say_who_sees_what(visibility: Any, words: str) -> None:
    """They are the same in each round of a run, so that caches hit."""
    policy = Policy(visibility=visibility)
    rules = {told(state("coordinate", *TEXTS), policy)[0], told(state("coordinate"), policy)[0]}
    (text,) = rules
    assert words in text


def layers(policy: dict[str, Any], **scripts: Script) -> Played:
    """Play a mixture: rounds that ask for answers alone, and somebody who merges them."""
    cast = cast_of(scripts)
    agents = [Agent(agent, backend) for agent, backend in cast.items()]
    return run_virtual(play_team(Team(agents, Policy(**policy), graph="mixture"), cast=cast))


def test_layers_improve_on_what_they_see() -> None:
    """Told to answer, not to vote; and one may stand by an answer that is there."""
    played = layers(
        {},
        ann=[answer("Alpha."), answer("Beta.")],
        ben=[answer("Beta."), answer("Better.")],
        cyd=[final("Merged.")],
    )
    assert not played.of(ActionRefused)
    second = played.heard["ann"][1]
    assert second.names == {"new_answer"}
    assert shown(second) == ["agent1", "agent2"]
    assert second.text.endswith("one answer that is better than each of them with `new_answer`.")
    assert played.result.answers == {"ann": "Beta.", "ben": "Better."}


def test_layers_without_exchange() -> None:
    """Under `none` each goes on from its own answer, and under a limit with something new."""
    played = layers(
        {"visibility": "none", "novelty": "lenient"},
        ann=[answer("Alpha."), answer("Alpha !"), answer("Beta.")],
        ben=[answer("Beta."), answer("Better.")],
        cyd=[final("Merged.")],
    )
    (refused,) = played.of(ActionRefused)
    assert refused.why.endswith("at most 70% may be. So give one that says something else.")
    assert shown(played.heard["ann"][1]) == ["agent1"]
    assert shown(played.heard["ben"][1]) == ["agent2"]
    assert played.result.answers == {"ann": "Beta.", "ben": "Better."}


def test_a_ranking_is_asked_for_in_words() -> None:
    """Under a rule that ranks, rules and what to do speak of a ranking."""
    for rule, ranked in (("borda", True), ("plurality", False)):
        rules, now = told(state("coordinate", *TEXTS), Policy(rule=rule))
        assert ("rank the labels" in rules) == ("Rank the answers" in now) == ranked
        assert ("Rank" in told(state("answer", *TEXTS), Policy(rule=rule))[1]) is False
