"""Whose answers an agent sees: laws of each visibility, whatever the team."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph import RunError, UserError
from massgraph.graphs.names import check_names
from massgraph.nodes.actions import legal_actions
from massgraph.nodes.policy import Policy
from massgraph.nodes.state import Answer, Phase, TeamState
from massgraph.nodes.visibility import Sight, named_visibility, visible

TEAM = ("ann", "ben", "cyd", "dan", "eve")
NAMES = ("all", "ring", "random", "none")


def state(
    *answered: str, team: tuple[str, ...] = TEAM, epoch: int = 1, phase: Phase = "coordinate"
) -> TeamState:
    """Return the state of a team in which these have a current answer."""
    return TeamState(
        messages=[],
        labels={f"agent{number}": agent for number, agent in enumerate(team, 1)},
        answers={a: Answer(agent=a, text=f"{a}'s", epoch=epoch) for a in answered},
        drafts={},
        phase=phase,
        epoch=epoch,
    )


def seen(now: TeamState, agent: str, **policy: Any) -> list[str]:
    """Return the authors of the answers that an agent sees."""
    return [answer["agent"] for answer in visible(now, agent, Policy(**policy)).values()]


def first_and_ghost(sight: Sight) -> list[str]:
    """Show the first agent's answer, and one of somebody who is not there."""
    return [sight.agents[0], "ghost"]


@pytest.mark.parametrize(
    ("answered", "agent", "policy", "expected"),
    [
        (TEAM, "ben", {}, list(TEAM)),
        (("eve", "ann"), "ben", {}, ["ann", "eve"]),
        (TEAM, "ben", {"visibility": "ring"}, ["ben", "cyd"]),
        (TEAM, "eve", {"visibility": "ring"}, ["ann", "eve"]),
        (TEAM, "dan", {"visibility": "ring", "visible_peers": 2}, ["ann", "dan", "eve"]),
        (TEAM, "dan", {"visibility": "ring", "visible_peers": 99}, list(TEAM)),
        (("ann", "dan"), "ann", {"visibility": "ring"}, ["ann", "dan"]),
        (("dan",), "dan", {"visibility": "ring"}, ["dan"]),
        (("dan",), "ann", {"visibility": "ring"}, ["dan"]),
        (TEAM, "ben", {"visibility": "none"}, list(TEAM)),
        (TEAM, "ben", {"visibility": first_and_ghost}, ["ann", "ben"]),
        (("cyd",), "ben", {"visibility": first_and_ghost}, []),
        (TEAM, "ben", {"visibility": lambda _: set()}, ["ben"]),
    ],
)
def test_who_sees_whom(
    answered: tuple[str, ...], agent: str, policy: dict[str, Any], expected: list[str]
) -> None:
    """Authors come in registration order, one's own answer always among them."""
    assert seen(state(*answered), agent, **policy) == expected


@given(
    st.sets(st.sampled_from(TEAM)),
    st.sampled_from(TEAM),
    st.sampled_from(NAMES),
    st.integers(1, 6),
    st.integers(0, 99),
    st.integers(1, 9),
    st.sampled_from(["coordinate", "answer", "vote"]),
)
def test_what_holds_for_all(
    answered: set[str], agent: str, name: str, peers: int, seed: int, epoch: int, phase: Phase
) -> None:
    """One's own answer, as many peers as asked for if there are, each under its own label."""
    now = state(*sorted(answered), epoch=epoch, phase=phase)
    count = {"visible_peers": peers} if name in ("ring", "random") else {}
    found = visible(now, agent, Policy(visibility=name, seed=seed, **count))
    authors = [answer["agent"] for answer in found.values()]
    assert [now["labels"][label] for label in found] == authors
    assert set(authors) <= answered
    assert (agent in authors) == (agent in answered)
    others = len(answered - {agent})
    shown = {"all": others, "none": 0 if phase == "answer" else others}.get(name)
    assert len(set(authors) - {agent}) == (min(peers, others) if shown is None else shown)


@given(st.integers(2, 7), st.integers(1, 7), st.integers(0, 10**6))
def test_a_ring_is_the_same_from_every_seat(size: int, peers: int, turn: int) -> None:
    """Everybody sees and is seen by as many, and a team that moves up one seat sees alike."""
    team = tuple(f"a{n}" for n in range(size))
    moved = team[turn % size :] + team[: turn % size]
    policy = Policy(visibility="ring", visible_peers=peers)
    at_home = {a: set(_authors(state(*team, team=team), a, policy)) for a in team}
    elsewhere = {a: set(_authors(state(*team, team=moved), a, policy)) for a in team}
    assert at_home == elsewhere
    looked_at = Counter(author for authors in at_home.values() for author in authors)
    assert set(looked_at.values()) == {min(peers, size - 1) + 1}


def _authors(now: TeamState, agent: str, policy: Policy) -> list[str]:
    return [answer["agent"] for answer in visible(now, agent, policy).values()]


@given(st.permutations(TEAM), st.integers(0, 99), st.integers(1, 9))
def test_a_draw_does_not_depend_on_who_came_first(order: list[str], seed: int, epoch: int) -> None:
    """Neither in the team nor among the answers: seed, epoch and agent decide."""
    policy = Policy(visibility="random", visible_peers=2, seed=seed)
    for agent in TEAM:
        here = _authors(state(*TEAM, epoch=epoch), agent, policy)
        there = _authors(state(*order, team=tuple(order), epoch=epoch), agent, policy)
        assert set(here) == set(there)


def test_a_draw_is_fair() -> None:
    """Over many epochs each peer is drawn as often as any other, and draws differ."""
    drawn: Counter[str] = Counter()
    for epoch in range(2000):
        drawn.update(seen(state(*TEAM, epoch=epoch), "ann", visibility="random"))
    assert drawn.pop("ann") == 2000
    assert set(drawn) == set(TEAM[1:])
    assert all(abs(count - 500) < 100 for count in drawn.values())  # five standard deviations
    by_seed = {tuple(seen(state(*TEAM), "ann", visibility="random", seed=n)) for n in range(50)}
    assert len(by_seed) == 4


def drawn() -> str:
    """Return many draws as text."""
    return repr(
        [
            seen(state(*TEAM, epoch=epoch), agent, visibility="random", visible_peers=2)
            for epoch in range(5)
            for agent in TEAM
        ]
    )


def test_every_process_draws_the_same() -> None:
    """The order of hashes, which differs from process to process, plays no part."""
    seed = 1 if os.environ.get("PYTHONHASHSEED") != "1" else 2
    elsewhere = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import drawn; print(drawn())"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == drawn()


def test_a_function_is_told_who_looks() -> None:
    """It gets the agent, the team, the authors, the epoch and the seed, each time it matters."""
    sights: list[Sight] = []

    def look(sight: Sight) -> list[str]:
        sights.append(sight)
        return []

    now = state("eve", "ben", epoch=4)
    assert seen(now, "cyd", visibility=look, seed=7) == []
    assert sights == [Sight("cyd", TEAM, ("ben", "eve"), 4, 7)]
    assert seen(state(), "cyd", visibility=look) == []
    assert len(sights) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("phase", ["coordinate", "answer", "vote"])
@pytest.mark.parametrize("self_votes", ["allow", "forbid"])
def test_who_is_seen_may_be_voted_for(name: str, phase: Phase, self_votes: str) -> None:
    """And nobody else: labels of votes are those of what is shown, less what is forbidden."""
    policy = Policy(visibility=name, self_votes=self_votes)
    for agent in TEAM:
        now = state(*TEAM, phase=phase)
        legal = legal_actions(now, agent, policy)
        shown = {label: a["agent"] for label, a in visible(now, agent, policy).items()}
        if self_votes == "forbid":
            shown = {label: author for label, author in shown.items() if author != agent}
        assert dict(legal.targets) == ({} if phase == "answer" else shown)
        assert legal.answer == (phase == "answer" or (phase, name) in ANSWERING)


ANSWERING = {("coordinate", "all"), ("coordinate", "ring"), ("coordinate", "random")}


@pytest.mark.parametrize("phase", ["coordinate", "answer"])
def test_without_answers_everybody_drafts(phase: Phase) -> None:
    """Where nobody sees drafts, drafts are given all the same."""
    legal = legal_actions(state(phase=phase), "ann", Policy(visibility="none"))
    assert legal.answer
    assert not legal.targets


async def sees_later(sight: Sight) -> list[str]:
    """Be async by mistake."""
    return [sight.agent]


def only_when_all_answered(sight: Sight) -> list[str]:
    """Fail where somebody has no answer."""
    return [sight.authors[len(sight.agents) - 1]]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (lambda sight: 1 / 0, r"raised ZeroDivisionError: division by zero\."),
        (lambda sight: sight.agent, "a value of type str"),
        (lambda sight: None, "a value of type NoneType"),
        (lambda sight: [1], "a value of type list"),
        (lambda sight: (a for a in sight.agents), "a value of type generator"),
        (list, "TypeError"),
        (sees_later, "is async"),
        (only_when_all_answered, r"IndexError.* It was tried for 'ann'\."),
    ],
)
def test_a_function_that_fails_is_refused(own: Callable[..., Any], said: str) -> None:
    """It is tried for each agent when the team is built, also where some have no answer."""
    with pytest.raises(UserError, match=said):
        check_names(TEAM, Policy(visibility=own))


def test_a_function_that_fails_later_ends_the_run() -> None:
    """What could not be known before is told with its cause."""
    policy = Policy(visibility=lambda sight: [] if sight.epoch == 1 else [].pop())
    check_names(TEAM, policy)
    with pytest.raises(RunError, match="IndexError") as caught:
        visible(state("ann", epoch=2), "ann", policy)
    assert isinstance(caught.value.__cause__, IndexError)


def test_a_function_by_its_name() -> None:
    """A config names it as `module:function`; the description of a policy has its name."""
    policy = Policy(visibility="bisect:bisect_left")
    assert callable(policy.visibility)
    assert policy.describe()["visibility"] == "bisect_left"
    assert named_visibility("ring") == "ring"
