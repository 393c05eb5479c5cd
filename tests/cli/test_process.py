"""What only a process of its own shows: signals, pipes, and the cost of a start."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import started

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are POSIX's")


def after_the_first_text(process: subprocess.Popen[bytes]) -> None:
    """Wait until an agent has begun to write."""
    assert process.stderr is not None
    for line in process.stderr:
        if b"round 1" in line:
            time.sleep(0.2)
            return
    pytest.fail("the run did not begin")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_run(number: int, status: int) -> None:
    """The run ends in good order, its result is printed, and stderr says so plainly."""
    with started("run", "-c", "hanging.yaml", "--json", "q?") as process:
        after_the_first_text(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    result = json.loads(out)
    assert process.returncode == status
    assert (result["outcome"], result["usage"]["total"]["stopped"]) == ("cancelled", 1)
    assert b"the run was cancelled" in err.splitlines()[-1]
    assert b"Traceback" not in err


def test_a_second_signal_quits_at_once(folder: Path) -> None:
    """Whoever presses Ctrl-C twice does not want to wait, not even for a tool that ignores it."""
    (folder / "stubborn.py").write_text(
        "import time\ndef wait() -> str:\n    '''Wait.'''\n    time.sleep(30)\n    return ''\n"
    )
    (folder / "stubborn.yaml").write_text(
        "agent:\n  tools: ['stubborn:wait']\n"
        "  backend: {type: scripted, turns: [{text: 'x\\n', tool_calls: [{name: wait}]}]}\n"
    )
    with started("run", "-c", "stubborn.yaml", "q?") as process:
        after_the_first_text(process)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert time.monotonic() - began < 3
    assert process.returncode == 130


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
    with started() as process:  # only to find the interpreter and the environment
        process.communicate()
    words = ["sh", "-c", command, str(process.args[0])]  # type: ignore[index]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(words, env=environment, check=False).returncode == 0
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
    with started() as process:
        process.communicate()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [str(process.args[0]), "-c", code]  # type: ignore[index]
    loaded = set(subprocess.check_output(words, env=environment, text=True).split())
    assert not loaded & {"pydantic", "langgraph", "langchain_core", "rich", "yaml", "openai"}
