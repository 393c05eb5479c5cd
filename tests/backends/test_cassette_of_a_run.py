"""A run that was stored plays again: its thread is a cassette."""

from __future__ import annotations

from pathlib import Path

import pytest

from massgraph import Agent, Policy, Result, Team, UserError
from massgraph.backends.base import LLMBackend
from massgraph.backends.cassette import ReplayBackend
from massgraph.nodes.state import Usage

from ..protocol.stage import answer, calls, cast_of, final, vote
from ..vloop import run_virtual
from .test_cassette_teams import timeless

NAMES = ("alice", "bob")
POLICY = Policy(rule="plurality")


def team(cast: dict[str, LLMBackend], **more: str) -> Team:
    """Return a team of these."""
    return Team([Agent(name, backend) for name, backend in cast.items()], POLICY, **more)


@pytest.fixture
def stored(tmp_path: Path) -> Result:
    """Return the result of a run whose thread `t` is kept in `runs.db`.

    In its second round, bob is stopped by alice's better answer before he has said anything.
    """
    cast = cast_of(
        {
            "alice": [
                calls(("nothing", {})),
                answer("4"),
                answer("4, rounded", delay=0.05),
                vote(),
                final("It is 4."),
            ],
            "bob": [answer("5", delay=0.02), {"hang": True}, vote("agent1", reason="clear")],
        }
    )
    return team(cast, db=f"sqlite:///{tmp_path / 'runs.db'}").run("Which?", thread_id="t")


def test_a_run_plays_again(stored: Result, tmp_path: Path) -> None:
    """Each agent says what it said; who was stopped keeps its reply for when it is due."""
    cast: dict[str, LLMBackend] = {
        name: ReplayBackend(tmp_path / "runs.db", name, thread="t") for name in NAMES
    }
    result = run_virtual(team(cast).arun("Which?"))
    one, other = timeless(stored.to_dict()), timeless(result.to_dict())
    assert stored.answer == "It is 4."
    for key in one.keys() - {"usage"}:
        assert other[key] == one[key], key
    assert tokens(other["usage"]["alice"]) == tokens(one["usage"]["alice"])
    for usage in (one["usage"]["bob"], other["usage"]["bob"]):
        assert (usage["stopped"], usage["wasted_tokens"]) == (1, 0)


def tokens(usage: Usage) -> tuple[int, int, int]:
    """Return what was told of a usage."""
    return usage["calls"], usage["input_tokens"], usage["output_tokens"]


def test_only_who_took_part_plays(stored: Result, tmp_path: Path) -> None:
    """Another agent, another thread, and the file without its thread are refused."""
    with pytest.raises(UserError, match="has no 'carol'; it has: alice, bob"):
        ReplayBackend(tmp_path / "runs.db", "carol", thread="t")
    with pytest.raises(UserError, match="has no replies of a thread 'u'"):
        ReplayBackend(tmp_path / "runs.db", "alice", thread="u")
    with pytest.raises(UserError, match=r"Is it a run's database\? Then name the thread, too"):
        ReplayBackend(tmp_path / "runs.db", "alice")
