"""Pipes, files and streams that take nothing: the right status, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import re
import resource
from functools import partial
from pathlib import Path

import pytest

from .pty import Stream, Terminal

pytestmark = [pytest.mark.soak, pytest.mark.skipif(os.name != "posix", reason="POSIX has them")]

RUN = ["run", "-c", "team.yaml"]
ANSWER = b"It is **Paris**.\n"
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")


def test_a_pipe_in_and_a_pipe_out(desk: Path) -> None:
    """The answer alone goes on through the pipe; who watches the terminal sees the run."""
    with Terminal.shell('echo "Where?" | $M run -c team.yaml | tr a-z A-Z', cwd=desk) as term:
        assert term.status == 0
        term.wait_for("IT IS **PARIS**.")
        term.wait_for(re.compile("bob .* votes for alice: It is right"))
    assert COLOUR.search(term.output), "stderr is a terminal that can do it"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_that_is_to_be_plain(desk: Path, env: dict[str, str]) -> None:
    """No colour is sent; to one that obeys nothing, nothing that it would have to obey."""
    for display in ("rich_terminal", "terminal")[: 1 if "TERM" in env else 2]:
        words = [*RUN, "--set", f"ui.display_type={display}", "q?"]
        with Terminal(words, cwd=desk, env=env) as term:
            assert term.status == 0
            term.wait_for("It is **Paris**.")
        assert not COLOUR.search(term.output)
        assert "TERM" not in env or b"\x1b" not in term.output
        assert (term.cursor_hidden, term.alternate) == (False, False)


def test_a_pipe_that_is_left(desk: Path) -> None:
    """`| head -1` gets its line and goes; nobody is told of a broken pipe."""
    command = '($M run --quiet -c team.yaml {} q?; echo "status $?" >&2) | head -1 | cut -c-30'
    for option, line, status in [
        ("", "It is **Paris**.", 0),
        ("--events", '{"v": 1, "seq": 1, "t": ', "[01]"),
    ]:
        with Terminal.shell(command.format(option), cwd=desk) as term:
            assert term.status == 0
            shown = term.text
        assert line in shown
        assert re.search(rf"status {status}$", shown, re.MULTILINE)
        assert len(shown.splitlines()) == 2, "nothing else is said"


def test_no_stderr(desk: Path) -> None:
    """Without a place for progress there is none; the answer is there."""
    with Terminal([*RUN, "q?"], cwd=desk, stdout=Stream.PIPE, stderr=Stream.CLOSED) as term:
        assert term.status == 0
    assert (term.piped, term.output) == (ANSWER, b"")


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@needs_full
def test_a_full_disk_for_the_answer(desk: Path) -> None:
    """What takes nothing is named, and the other place has the answer."""
    full = Path("/dev/full")
    with Terminal([*RUN, "--quiet", "-o", "answer.md", "q?"], cwd=desk, stdout=full) as term:
        assert term.status == 1
        term.wait_for("stdout cannot be written to: No space left on device.")
    assert (desk / "answer.md").read_text() == "It is **Paris**."
    words = [*RUN, "--quiet", "-o", "/dev/full", "q?"]
    with Terminal(words, cwd=desk, stdout=Stream.PIPE) as term:
        assert term.status == 1
        term.wait_for("error: /dev/full cannot be written: No space left on device.")
    assert term.piped == ANSWER


def limit(size: int) -> None:
    """Let no file grow beyond a size, in the process that is about to run."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_for_a_file(desk: Path) -> None:
    """A file that was there is still there, whole, when the new one has no room."""
    (desk / "answer.md").write_text("before")
    words = [*RUN, "--quiet", "--db", "memory:", "--no-logs", "-o", "answer.md", "q?"]
    with Terminal(words, cwd=desk, stdout=Stream.PIPE, before=partial(limit, 5)) as term:
        assert term.status == 1
        term.wait_for("massgraph: error: ")
        assert "Traceback" not in term.text
    assert term.piped[:5] == ANSWER[:5]
    assert (desk / "answer.md").read_text() == "before"
    assert not list(desk.glob(".massgraph-*"))


def test_a_full_disk_for_the_records(desk: Path) -> None:
    """Logs are not worth a run: it is said that they stop, and the answer comes."""
    words = [*RUN, "--db", "memory:", "q?"]
    with Terminal(
        words, cwd=desk, rows=50, cols=200, stdout=Stream.PIPE, before=partial(limit, 300)
    ) as term:
        assert term.status == 0
        term.wait_for("the run goes on")
        assert "Traceback" not in term.text
    assert term.piped == ANSWER


def test_a_full_disk_for_the_threads(desk: Path) -> None:
    """A run that cannot be stored ends, says so, and how to go on once there is room; it does."""
    words = [*RUN, "--json", "--no-logs", "--quiet", "q?"]
    with Terminal(
        words, cwd=desk, cols=300, stdout=Stream.PIPE, before=partial(limit, 400_000)
    ) as term:
        assert term.status == 1
        term.wait_for("check the disk")
        [thread] = re.findall(r"go on with it: massgraph resume (\w+)", term.text)
        assert "Traceback" not in term.text
    told = json.loads(term.piped)
    assert (told["outcome"], told["thread_id"]) == ("failed", thread)
    with Terminal(["resume", thread, "--quiet"], cwd=desk, stdout=Stream.PIPE) as term:
        assert term.status == 0
    assert term.piped == ANSWER
