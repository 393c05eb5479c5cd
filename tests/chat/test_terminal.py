"""`massgraph chat` at a terminal, and a person before it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ..terminal.pty import Stream, Terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")

TEAM = """\
agents:
  - id: alice
    backend: &backend
      type: scripted
      turns:
        - {when: no_answers, text: "Be\\e[2J careful.", new_answer: Paris}
        - {when: answers, vote: first, reason: It is right.}
        - {when: present, text: "It is **Paris**."}
  - id: bob
    backend: *backend
"""
WAITING = """\
agents:
  - id: alice
    backend:
      type: scripted
      turns:
        - {when: no_answers, hang: true}
        - {when: no_answers, new_answer: Paris}
"""
"""Its first run goes on until it is cancelled; those after it end at once."""

STUBBORN = """\
import asyncio

async def wait() -> str:
    "Wait."
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """A folder with two configs."""
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "waiting.yaml").write_text(WAITING)
    return tmp_path


def chatting(folder: Path, config: str = "team.yaml", *words: str, **options: Any) -> Terminal:
    """Return a chat at a terminal."""
    return Terminal(["chat", "-c", config, *words], cwd=folder, **options)


def at_the_mark(rows: list[str]) -> bool:
    """Tell whether a line can be typed, and none is."""
    return next((row for row in reversed(rows) if row), "") == ">"


def test_a_chat(folder: Path) -> None:
    """Two questions, a command, Ctrl-C that is explained, and Ctrl-D; stdout has the answers."""
    with chatting(folder, stdout=Stream.PIPE, rows=40) as term:
        term.wait_for("Ctrl-D quits")
        term.send_line("What is the capital?")
        term.wait_for(lambda _: term.piped.count(b"\n") == 1)
        term.send_keys("up")
        term.wait_for("> What is the capital?")
        term.send(" Really?\r")
        term.wait_for(lambda _: term.piped.count(b"\n") == 2)
        term.send("/stat\t\r")
        term.wait_for("thread  ")
        term.wait_for(at_the_mark)
        term.send_keys("c-c")
        term.wait_for("Ctrl-C once more quits")
        term.send_keys("c-d")
        assert term.status == 0
        assert term.piped == b"It is **Paris**.\n" * 2
        assert "Be␛[2J careful." in term.text
        assert "> What is the capital? Really?" in term.screen
        assert "go on later: massgraph chat --thread" in term.text
        assert (term.echo, term.cursor_hidden) == (True, False)


@pytest.mark.soak
def test_interrupt_and_resume(folder: Path) -> None:
    """Ctrl-C cancels the run, what waits is told, and /resume goes on; typing is not disturbed."""
    with chatting(folder, "waiting.yaml", rows=30) as term:
        term.send_line("typed ahead")
        term.wait_for("round 1: alice")
        term.send_line("Next?")
        term.wait_for("1 waiting >")
        term.send("half a li")
        term.wait_for("alice : ... 1 s")
        term.wait_for("1 waiting > half a li")
        term.send_keys("c-c")
        term.wait_for("/resume goes on with it")
        assert "not asked: Next?" in term.text
        term.wait_for("> half a li")
        term.send_keys("c-c")
        term.wait_for(at_the_mark)
        term.send_line("/resume")
        term.wait_for("goes on with: typed ahead")
        term.wait_for("settled: 1 round")
        term.send_line("/cost")
        term.wait_for("the last run:")
        term.send_line("/quit")
        assert term.status == 0


@pytest.mark.soak
def test_lines_and_history(folder: Path) -> None:
    """Several lines are one question, pasted or typed; they are found again the next time."""
    with chatting(folder, "team.yaml", "--json", stdout=Stream.PIPE, rows=40) as term:
        term.wait_for("Ctrl-D quits")
        term.send_keys("a", "m-enter", "b", "c-j")
        term.send("\x1b[200~c\nd\n\nf\x1b[201~")
        term.wait_for("  f")
        term.send_keys("enter")
        term.wait_for("settled: 2 rounds")
        term.send_line("second")
        term.wait_for(lambda _: term.piped.count(b"\n") == 2)
        term.send_keys("c-d")
        assert term.status == 0
    history = folder / ".home" / "state" / "massgraph" / "chat_history"
    assert history.stat().st_mode & 0o777 == 0o600
    with chatting(folder, "team.yaml", rows=12, cols=30) as term:
        term.wait_for(at_the_mark)
        term.send_keys("c-r", "f")
        term.wait_for("  f")
        term.resize(15, 50)
        term.send_keys("enter")
        term.wait_for("> a")
        term.send_keys("c-c")
        term.wait_for(at_the_mark)
        term.send_keys("c-c", "c-c")
        assert term.status == 130


@pytest.mark.soak
def test_a_terminal_that_can_do_nothing(folder: Path) -> None:
    """With TERM=dumb, and with --no-display, nothing moves the cursor; Ctrl-C still cancels."""
    dumb: dict[str, str | None] = {"TERM": "dumb"}
    with chatting(folder, "waiting.yaml", env=dumb, rows=30) as term:
        term.wait_for(at_the_mark)
        term.send_line("One?")
        term.wait_for("round 1: alice")
        term.send_line("/status")
        term.wait_for("goes on: round 1")
        term.send_keys("c-c")
        term.wait_for("/resume goes on with it")
        term.send_line("/resume")
        term.wait_for("settled: 1 round")
        term.wait_for(at_the_mark)
        term.send_keys("c-d")
        assert term.status == 0
        assert b"\x1b" not in term.output


@pytest.mark.soak
@pytest.mark.parametrize("words", [("--no-display",), ("--quiet", "--no-logs")])
def test_stderr_elsewhere(folder: Path, words: tuple[str, ...]) -> None:
    """A chat is usable where progress goes to a file; the answers are on the terminal."""
    with chatting(folder, "team.yaml", *words, stderr=folder / "err") as term:
        term.send_line("One?")
        term.wait_for("It is **Paris**.")
        term.send_keys("c-d")
        assert term.status == 0
        assert b"\x1b" not in term.output
    assert b"\x1b" not in (folder / "err").read_bytes()
    assert not (folder / ".home" / "state" / "massgraph" / "chat_history").exists()


@pytest.mark.soak
def test_who_cannot_wait_quits(folder: Path) -> None:
    """A second Ctrl-C quits, whatever a tool does, and leaves the terminal as it was."""
    (folder / "stubborn.py").write_text(STUBBORN)
    (folder / "stubborn.yaml").write_text(
        "agent: {id: alice, tools: ['stubborn:wait'], backend: {type: scripted, "
        "turns: [{tool_calls: [{name: wait}]}]}}"
    )
    with chatting(folder, "stubborn.yaml") as term:
        term.send_line("One?")
        term.wait_for("calls wait")
        term.send_keys("c-c", "c-c")
        assert term.status == 130
        assert (term.echo, term.cursor_hidden) == (True, False)


@pytest.mark.soak
def test_sigterm(folder: Path) -> None:
    """SIGTERM cancels the run, says how to go on, and leaves the terminal as it was."""
    with chatting(folder, "waiting.yaml") as term:
        term.wait_for(at_the_mark)
        term.send_line("One?")
        term.wait_for("round 1: alice")
        term.signal(signal.SIGTERM)
        assert term.status == 143
        assert "terminated: the run was cancelled" in term.text.replace("\n", "")
        assert (term.echo, term.cursor_hidden) == (True, False)
