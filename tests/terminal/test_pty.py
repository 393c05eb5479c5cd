"""The terminal that other tests use is one."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from .pty import Stream, Terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX has them")

ASKING = """\
import os, signal, sys
def told(*_):
    os.write(1, "size {} {}\\n".format(*os.get_terminal_size(2)).encode())
signal.signal(signal.SIGWINCH, told)
told()
for line in sys.stdin:
    print("got", line.strip(), os.isatty(0), os.isatty(1), os.isatty(2), flush=True)
    if "screen" in line:
        print("\\x1b[?1049h\\x1b[?25lother", flush=True)
    if "back" in line:
        print("\\x1b[?1049l\\x1b[?25h", end="", flush=True)
"""
PYTHON = (sys.executable, "-c")


def test_a_person_at_a_terminal(tmp_path: Path) -> None:
    """Keys, sizes, the other screen and Ctrl-C: all that a terminal has."""
    with Terminal([ASKING], program=PYTHON, cwd=tmp_path, rows=10, cols=50) as term:
        term.wait_for("size 50 10")
        term.send_line("hello")
        term.wait_for("got hello True True True")
        term.resize(12, 60)
        term.wait_for("size 60 12")
        assert len(term.screen) == 12
        term.send_line("screen")
        term.wait_for("other")
        assert (term.alternate, term.cursor_hidden, term.echo) == (True, True, True)
        assert "hello" not in term.text
        term.send_line("back")
        term.wait_for(re.compile("got hello.*got screen", re.DOTALL))
        assert (term.alternate, term.cursor_hidden) == (False, False)
        assert term.running
        term.send_keys("c-d")
        assert term.status == 0
        assert not term.running


def test_streams_that_go_elsewhere(tmp_path: Path) -> None:
    """A pipe in and a pipe out, a file, and a stream that is closed."""
    code = "import sys; print(sys.stdin.read(), sys.stderr)"
    with Terminal(
        [code], program=PYTHON, cwd=tmp_path, stdin=b"x" * 99_999, stdout=Stream.PIPE,
        stderr=Stream.CLOSED,
    ) as term:  # fmt: skip
        assert term.status == 0
    assert (term.piped, term.output) == (b"x" * 99_999 + b" None\n", b"")
    with Terminal(
        [code], program=PYTHON, cwd=tmp_path, stdin=b"y", stdout=tmp_path / "out"
    ) as term:
        assert term.status == 0
    assert (tmp_path / "out").read_text().startswith("y ")


def test_nothing_is_left(tmp_path: Path) -> None:
    """What is not waited for is killed, and so is what it has started."""
    command = "trap '' HUP INT TERM; sleep 60 & echo pid $! on; wait"
    with Terminal.shell(command, cwd=tmp_path) as term:
        term.wait_for(" on")
        [number] = re.findall(r"pid (\d+)", term.text)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert term.status == -signal.SIGKILL
    left = [one for one in psutil.process_iter(["pid", "status"]) if one.pid == int(number)]
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in left), "whoever reaps it is slow"


def test_what_does_not_come_is_told(tmp_path: Path) -> None:
    """A failure shows the screen, and how the program ended."""
    with Terminal(["print(3 + 4); exit(5)"], program=PYTHON, cwd=tmp_path) as term:
        with pytest.raises(pytest.fail.Exception, match=r"ended with 5\n\+-+\+\n\|7 "):
            term.wait_for("8")
        assert term.status == 5


@pytest.mark.soak
def test_massgraph_in_a_terminal(tmp_path: Path) -> None:
    """The program is massgraph, with a home of its own and without anybody's keys."""
    with Terminal(["--help"], cwd=tmp_path, cols=100) as term:
        assert term.status == 0
        term.wait_for("Look back:")
    with Terminal.shell("env; $M --version", cwd=tmp_path, rows=60, cols=300) as term:
        assert term.status == 0
    assert b"_API_KEY" not in term.output
    assert f"XDG_STATE_HOME={tmp_path}".encode() in term.output
    assert b"massgraph 0." in term.output
