"""What only a process of its own shows: signals, pipes, and the cost of a start."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import environment, started

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are POSIX's")


def after(process: subprocess.Popen[bytes], said: bytes) -> None:
    """Wait until progress tells of something."""
    assert process.stderr is not None
    for line in process.stderr:
        if said in line:
            time.sleep(0.2)
            return
    pytest.fail("the run ended before")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_run(number: int, status: int) -> None:
    """The run ends in good order, its result is printed, and stderr says so plainly."""
    with started("run", "-c", "hanging.yaml", "--json", "q?") as process:
        after(process, b"round 1")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    result = json.loads(out)
    assert process.returncode == status
    assert (result["outcome"], result["usage"]["total"]["stopped"]) == ("cancelled", 1)
    assert b"the run was cancelled" in err.splitlines()[-1]
    assert b"Traceback" not in err


STUBBORN = """\
import asyncio
from langchain_core.tools import StructuredTool

async def wait() -> str:
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass

tool = StructuredTool.from_function(coroutine=wait, name="wait", description="Wait.")
"""
SLEEPY = """\
import time

def wait() -> str:
    "Wait."
    time.sleep(15)
    return ""
"""


def tool_team(folder: Path, name: str, code: str, tool: str) -> None:
    """Write a config whose agent calls a tool of a module beside it."""
    (folder / f"{name}.py").write_text(code)
    turn = "{tool_calls: [{name: wait}]}"
    (folder / f"{name}.yaml").write_text(
        f"agent: {{tools: ['{name}:{tool}'], backend: {{type: scripted, turns: [{turn}]}}}}"
    )


def test_a_second_signal_quits_at_once(folder: Path) -> None:
    """Whoever presses Ctrl-C twice does not want to wait, not even for a tool that ignores it."""
    tool_team(folder, "stubborn", STUBBORN, "tool")
    with started("run", "-c", "stubborn.yaml", "q?") as process:
        after(process, b"calls wait")
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert process.returncode == 130


def test_a_thread_that_does_not_stop_holds_nobody_up(folder: Path) -> None:
    """A tool that sleeps in a thread cannot be stopped; the command ends without it."""
    tool_team(folder, "sleepy", SLEEPY, "wait")
    with started("run", "-c", "sleepy.yaml", "--json", "q?") as process:
        after(process, b"calls wait")
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        out, _ = process.communicate(timeout=20)
    assert time.monotonic() - began < 8
    assert (process.returncode, json.loads(out)["outcome"]) == (143, "cancelled")


def test_stdout_that_nobody_reads() -> None:
    """`| head -1` leaves without a traceback, and a run that nobody reads ends."""
    reading, writing = os.pipe()
    with started("run", "-c", "hanging.yaml", "--events", "q?", stdout=writing) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as stdout:
            assert json.loads(stdout.readline())["type"] == "run_started"
        _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_without_any_stream() -> None:
    """Closed streams are no reason to break."""
    command = 'exec "$0" -m massgraph run -c team.yaml -o answer.txt q? <&- >&- 2>&-'
    words = ["sh", "-c", command, sys.executable]
    assert subprocess.run(words, env=environment(), check=False).returncode == 0
    assert Path("answer.txt").read_text() == "It is **Paris**."


def test_help_is_cheap() -> None:
    """Nothing heavy is imported for help: 0.3 s of CPU are enough."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with started("--help") as process:
        out, _ = process.communicate(timeout=20)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert process.returncode == 0
    assert b"Commands:" in out
    assert spent < 0.6, "twice the promise, for a machine that is busy"


def test_help_imports_nothing_heavy() -> None:
    """That is what keeps it cheap."""
    code = "import sys, massgraph.cli; print(*sys.modules)"
    words = [sys.executable, "-c", code]
    loaded = set(subprocess.check_output(words, env=environment(), text=True).split())
    assert not loaded & {"pydantic", "langgraph", "langchain_core", "rich", "yaml", "openai"}
