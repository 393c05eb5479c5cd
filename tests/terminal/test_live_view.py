"""The live view in a real terminal, before a real person's keys."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from .pty import Stream, Terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX has such terminals")

ANSWER = "Mars has two moons: Phobos and Deimos."


def team(folder: Path, *hanging: str) -> str:
    """Write a config of two agents, of whom some never end their first turn."""
    agents = [
        {"id": name, "backend": {"type": "scripted", "turns": _turns(name in hanging)}}
        for name in ("alice", "bob")
    ]
    path = folder / "team.json"
    path.write_text(json.dumps({"agents": agents, "policy": {"seed": 1}}))
    return path.name


def _turns(hangs: bool) -> list[dict[str, Any]]:
    first = {"text": "Let me think.", "hang": True} if hangs else {"new_answer": ANSWER}
    vote = {"vote": "first", "reason": "It names both moons."}
    return [
        {"when": "no_answers", "delay": 0.6, **first},
        {"when": "answers", "delay": 0.3, **vote},
        {"when": "present", "delay": 0.3, "text": ANSWER},
    ]


def test_a_run_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    """The screen is taken and given back, a summary stays, and the answer is printed once."""
    with Terminal(["run", "-c", team(tmp_path), "How many?"], cwd=tmp_path) as term:
        term.wait_for("thinking")
        assert term.alternate
        assert term.cursor_hidden
        assert term.status == 0
        assert not term.alternate
        assert not term.cursor_hidden
        assert term.echo
        assert sum(ANSWER in row for row in term.screen) == 1
        assert any(row.startswith("settled: 2 rounds") for row in term.screen)
        answer = next(at for at, row in enumerate(term.screen) if ANSWER in row)
        assert term.screen[answer - 2].startswith("bob ")
        assert not term.screen[answer - 1].strip()


@pytest.mark.soak
def test_keys_and_sizes(tmp_path: Path) -> None:
    """Keys lead everywhere, one agent is cancelled, another size is filled, and q ends it all."""
    command = ["run", "-c", team(tmp_path, "alice", "bob"), "--thread", "t1", "How many?"]
    with Terminal(command, cwd=tmp_path, rows=24, cols=80) as term:
        term.wait_for("Let me think.")
        assert not term.echo
        term.send("v")
        term.wait_for("Votes on the answers")
        term.send("g")
        term.wait_for("Where the machine is")
        term.send("?")
        term.wait_for("its whole output")
        term.send_keys("esc")
        term.wait_for("1 alice")
        term.send_keys("tab", "tab", "enter")
        term.wait_for(lambda rows: any("2 bob" in row for row in rows) and "1 alice" not in rows[2])
        term.send("c")
        term.wait_for("cancel bob?  y / n")
        term.send("y")
        term.wait_for("failed: cancelled")
        term.send_keys("esc")
        term.wait_for("1 alice")
        term.resize(30, 120)
        term.wait_for("what happened")
        assert max(map(len, term.screen)) == 120
        term.resize(6, 30)
        term.wait_for(lambda rows: len(rows) == 6 and any(" 1 alice" in row for row in rows))
        term.resize(24, 80)
        term.wait_for("Let me think.")
        term.send(" ")
        term.wait_for("only a record can be paused")
        term.send("q")
        assert term.status == 130
        assert not term.alternate
        assert term.echo
        assert "massgraph resume t1" in "".join(term.screen)


@pytest.mark.soak
def test_ctrl_c_twice_gives_the_terminal_back(tmp_path: Path) -> None:
    """Also where the run takes its time to end."""
    command = ["run", "-c", team(tmp_path, "alice", "bob"), "How many?"]
    with Terminal(command, cwd=tmp_path) as term:
        term.wait_for("Let me think.")
        term.send_keys("c-c")
        term.send_keys("c-c")
        assert term.status == 130
        assert not term.alternate
        assert not term.cursor_hidden
        assert term.echo


@pytest.mark.soak
def test_a_replay_is_paused_and_played_faster(tmp_path: Path) -> None:
    """It is the same view; what makes no sense in it is said."""
    record = Path(__file__).parents[2] / "examples" / "neptune.jsonl"
    with Terminal(["replay", str(record)], cwd=tmp_path) as term:
        term.wait_for("ada")
        term.send(" ")
        term.wait_for("paused")
        term.send("1c")
        term.wait_for("cancel ada?")
        term.send("y")
        term.send(" ")
        term.wait_for(lambda rows: not any("paused" in row for row in rows))
        term.send("++++++")
        assert term.status == 0
        assert any("4 hours and 10 minutes" in row for row in term.screen)


@pytest.mark.soak
def test_a_question_that_is_piped_in(tmp_path: Path) -> None:
    """Keys are read from the terminal all the same."""
    command = ["run", "-c", team(tmp_path, "alice", "bob"), "-"]
    with Terminal(command, cwd=tmp_path, stdin=b"How many?") as term:
        term.wait_for("Let me think.")
        term.send("v")
        term.wait_for("Votes on the answers")
        term.send("qq")
        assert term.status == 130


@pytest.mark.soak
@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--set", "ui.display_type=simple"], {}),
        ([], {"TERM": "dumb"}),
    ],
)
def test_displays_without_a_screen(
    words: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    """No second screen is taken where it is not wanted, or cannot be."""
    command = ["run", "-c", team(tmp_path), *words, "How many?"]
    with Terminal(command, cwd=tmp_path, env=environment) as term:
        assert term.status == 0
        assert b"\x1b[?1049h" not in term.output
        assert sum(ANSWER in row for row in term.screen) >= 1
        assert not re.search(rb"\x1b\[[0-9;?]*[A-HJK]", term.output)


@pytest.mark.soak
def test_the_answer_goes_to_a_pipe(tmp_path: Path) -> None:
    """The view is on the terminal, and the answer is all that the pipe gets."""
    with Terminal(
        ["run", "-c", team(tmp_path), "How many?"], cwd=tmp_path, stdout=Stream.PIPE
    ) as term:
        term.wait_for("alice")
        assert term.status == 0
        assert term.piped == f"{ANSWER}\n".encode()


@pytest.mark.soak
def test_a_terminal_that_is_closed_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    """The run is cancelled in good order, and nothing but its thread is left."""
    command = ["run", "-c", team(tmp_path, "alice", "bob"), "--thread", "t1", "How many?"]
    with Terminal(command, cwd=tmp_path) as term:
        term.wait_for("Let me think.")
        term.signal(signal.SIGHUP)
        term.signal(signal.SIGHUP)
        assert term.status == 143
        assert not term.alternate
        assert "massgraph resume t1" in "".join(term.screen)
        assert not any("Traceback" in row for row in term.screen)


@pytest.mark.soak
def test_an_agent_that_was_cancelled_is_asked_afresh(tmp_path: Path) -> None:
    """What the keys ask for is told by the events, and only after a yes."""
    command = ["run", "-c", team(tmp_path, "alice"), "--events", "How many?"]
    with Terminal(command, cwd=tmp_path, stdout=Stream.PIPE) as term:
        term.wait_for("Let me think.")
        term.send("1r")
        term.wait_for("retry alice?  y / n")
        term.send("n")
        term.send("r")
        term.wait_for("retry alice?  y / n")
        term.send("y")
        term.wait_for("alice is asked afresh")
        term.send("c")
        term.wait_for("cancel alice?  y / n")
        term.send("y")
        assert term.status == 0
        told = [json.loads(line) for line in term.piped.splitlines()]
    retried = [event["agent"] for event in told if event["type"] == "agent_retried"]
    ends = [event for event in told if event["type"] == "turn_ended" and event["agent"] == "alice"]
    assert retried == ["alice"]
    assert (ends[0]["outcome"], ends[0]["why"]) == ("failed", "the agent was cancelled")
    assert told[-1]["result"]["outcome"] == "settled"
