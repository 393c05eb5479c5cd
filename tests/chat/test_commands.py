"""The slash commands: a table, and what each one says."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph.chat.commands import COMMANDS, command, unknown

from ..vloop import run_virtual
from .room import Line, Talk, typed


def talk(*lines: Line, **options: Any) -> Talk:
    """Hold a conversation on a virtual clock."""
    return run_virtual(typed(*lines, **options))


def test_names_are_unique() -> None:
    """No name means two commands, and each is found in either case."""
    names = [name for one in COMMANDS for name in one.names]
    assert len(set(names)) == len(names)
    assert all(command(name.upper()) is command(name) for name in names)
    promised = {"help", "status", "reset", "clear", "graph", "quit", "exit", "q", "agents", "cost"}
    assert promised | {"resume"} <= set(names)


@pytest.mark.parametrize(
    ("name", "meant"), [("hlep", "/help"), ("STATUSS", "/status"), ("xyzzy", "/help lists")]
)
def test_an_unknown_command(name: str, meant: str) -> None:
    """One line, with the nearest name, and how to ask it as a question."""
    said = unknown(name)
    assert meant in said
    assert f"//{name}" in said
    assert "\n" not in said


def test_an_unknown_command_cannot_steer_the_terminal() -> None:
    """What was typed is shown safely, and nothing is asked."""
    held = talk("/\x1b[2Jx y", piped=True)
    assert "\x1b" not in held.said
    assert held.room.answers == []


def test_help_lists_all() -> None:
    """Each command has a line, with its other names."""
    held = talk("/help", piped=True)
    assert len(held.room.said) == len(COMMANDS) + 1
    assert any(line.split()[:3] == ["/quit", "/exit", "/q"] for line in held.room.said)


def test_commands_work_while_a_run_goes_on() -> None:
    """/status, /agents, /graph and /cost tell of the run that goes on."""
    held = talk("One?", 1.5, "Two?", "/status", "/agents", "/cost", "/graph", None, 1.0)
    assert "last run  goes on: round 1, 1.5 s so far; at work: alice, bob" in held.room.said
    assert "waiting   Two?" in held.room.said
    assert "alice  scripted:script  thinks  0 tokens in, 0 out" in held.room.said
    assert "the run that goes on is not counted yet" in held.room.said
    here = [line.split()[1] for line in held.room.said if line.startswith("* ")]
    assert here == ["alice", "bob"]


def test_what_was_used() -> None:
    """/cost tells of the last run and of the thread, agent by agent; /agents of the last run."""
    held = talk("/cost", "One?", "/cost", "Two?", "/cost", "/agents", piped=True)
    nothing, *told = held.room.said
    assert nothing == "nothing was used on this thread yet"
    assert told[0].startswith("the last run: 5 calls, ")
    assert [line.split()[:2] for line in told[2:4]] == [["alice", "3"], ["bob", "2"]]
    both = next(line for line in told if line.startswith("all 2 runs of this chat"))
    assert "10 calls" in both
    assert any("has presented" in line for line in told)


def test_a_run_that_went_on_counts_once() -> None:
    """A run that was cancelled and its end are one run."""
    held = talk("One?", 1.0, None, 1.0, "/resume", 20.0, "/cost")
    assert any(line.startswith("the last run: ") for line in held.room.said)
    assert not any(line.startswith("all ") for line in held.room.said)


def test_who_had_answered_before_has_used_that() -> None:
    """/agents tells of the whole run, also of its part before it was cancelled."""
    held = talk("One?", 5.5, None, 1.0, "/resume", 20.0)
    assert held.chat.result is not None
    used = held.chat.result["usage"]["bob"]["input_tokens"]
    assert held.chat.standing.agents["bob"].usage["input_tokens"] == used


def test_a_new_run_stands_at_its_beginning() -> None:
    """What is told of a run that has just begun is not told of the one before."""
    rounds: list[int] = []

    def seated(held: Talk) -> None:
        held.room.before = lambda: rounds.append(held.chat.standing.round)

    talk("One?", "Two?", piped=True, seated=seated)
    assert rounds == [0, 0]


def test_the_graph_before_and_after() -> None:
    """Without a run no place is marked; a run that is over is at the end."""
    held = talk("/graph", "One?", "/graph", piped=True)
    starts = [number for number, line in enumerate(held.room.said) if line.startswith("the graph")]
    before, after = held.room.said[: starts[1]], held.room.said[starts[1] :]
    assert not any(line.startswith("*") for line in before)
    assert [line for line in after if line.startswith("*")] == ["* END"]
    assert all(line.isascii() for line in before)


def test_cancel() -> None:
    """/cancel does as Ctrl-C, for those who cannot press it."""
    held = talk("/cancel", "One?", 1.0, "/cancel", 1.0, "/clear")
    assert held.room.said == ["no run is going on", "there is no screen that could be cleared"]
    assert held.room.answers == [None]
