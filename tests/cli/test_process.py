"""What only a process of its own shows: signals, pipes, and the cost of a start."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from massgraph.cli import main
from massgraph.cli.output import OutFile

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
        _, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    lines = err.decode().splitlines()
    assert "massgraph: stopping the run ...; Ctrl-C again quits at once" in lines
    assert re.search(r"left at once; go on with it: massgraph resume \w+", lines[-1])


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


LOSING = """\
import signal, weakref
from massgraph.cli import main, screen

class Thing:
    pass

def lose(*_, **__):
    thing = Thing()
    held = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
    del thing

screen.make_display = lose
main(["run", "-c", "hanging.yaml", "--json", "q?"])
"""


def test_a_signal_that_python_drops_cancels_the_run() -> None:
    """What is raised inside the callback of a weak reference is lost; the signal is not."""
    words = [sys.executable, "-c", LOSING]
    ended = subprocess.run(words, env=environment(), capture_output=True, check=False, timeout=30)
    assert (ended.returncode, json.loads(ended.stdout)["outcome"]) == (143, "cancelled")
    assert len(ended.stderr.splitlines()) == 1


INTERRUPTED = """\
import signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "click":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder())
from massgraph.cli import main
main(["--help"])
"""


def test_ctrl_c_while_the_command_line_is_imported() -> None:
    """Whoever is quick gets no traceback."""
    words = [sys.executable, "-c", INTERRUPTED]
    ended = subprocess.run(words, env=environment(), capture_output=True, check=False, timeout=30)
    assert ended.returncode == 130
    assert ended.stderr == b"massgraph: error: interrupted; nothing was run\n"


def in_shell(command: str) -> tuple[int, str]:
    """Return the status of a command of the shell, where $M is massgraph, and its stderr."""
    command = command.replace("$M", f"{sys.executable} -m massgraph")
    ended = subprocess.run(
        ["sh", "-c", command],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return ended.returncode, ended.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@needs_full
def test_a_full_disk() -> None:
    """When stdout takes nothing more, one line says so, and the status is 1."""
    message = "massgraph: error: stdout cannot be written to: No space left on device.\n"
    assert in_shell("$M run --quiet --events q? -c team.yaml >/dev/full") == (1, message)


@needs_full
def test_progress_that_cannot_be_written() -> None:
    """Progress is no part of the result: a stderr that takes nothing changes no status."""
    assert in_shell("$M run -c team.yaml q? 2>/dev/full") == (0, "")


def test_a_closed_stdout() -> None:
    """An answer that cannot be printed is no success."""
    message = "massgraph: error: stdout is closed: there is nowhere to print to.\n"
    assert in_shell("$M run --quiet -c team.yaml q? >&-") == (1, message)


@pytest.mark.parametrize("name", ["/dev/fd/1", "link"])
def test_a_file_that_is_stdout(name: str, folder: Path) -> None:
    """What stdout is, a file or a pipe, is written where it stands, and nothing of it is lost."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("there is no /proc")
    (folder / "link").symlink_to("/dev/stdout")
    to = "| cat >file" if name == "link" else ">file"
    run = f"$M run --quiet -c team.yaml -o {name} q?"
    assert in_shell(f"(echo before; {run}; echo; echo after) {to}") == (0, "")
    answers = "It is **Paris**.\nIt is **Paris**."
    assert (folder / "file").read_text() == f"before\n{answers}\nafter\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link"])
def test_a_name_of_stdout(name: str, folder: Path) -> None:
    """Whatever it is called, it is known as the descriptor that it stands for."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("there is no /proc")
    (folder / "link").symlink_to("/dev/stdout")
    assert OutFile.check(name) == OutFile(Path(name), in_place=True, descriptor=1)


@needs_full
@pytest.mark.parametrize(
    "words", [("run", "--quiet", "q?"), ("run", "--quiet", "--json", "q?"), ("graph",)]
)
def test_any_result_on_a_full_disk(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of result is written in the one way."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as left:
            main([*words, "-c", "team.yaml"])
    message = "massgraph: error: stdout cannot be written to: No space left on device.\n"
    assert (left.value.code, capsys.readouterr().err) == (1, message)


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
    assert b"  verify " in out
    assert spent < 0.6, "twice the promise, for a machine that is busy"


def test_help_imports_nothing_heavy() -> None:
    """That is what keeps it cheap."""
    code = "import sys, massgraph.cli.commands; print(*sys.modules)"
    words = [sys.executable, "-c", code]
    loaded = set(subprocess.check_output(words, env=environment(), text=True).split())
    assert not loaded & {"pydantic", "langgraph", "langchain_core", "rich", "yaml", "openai"}


def test_checking_a_config_loads_no_machine(folder: Path) -> None:
    """Neither LangGraph nor an SDK is needed to check a team, which takes a second otherwise."""
    (folder / "team.yaml").write_text(
        "agents:\n"
        "  - backend: {type: scripted, turns: [{new_answer: x}]}\n"
        "  - {preset: research, backend: {type: openai, model: gpt-5.4, api_key: k}}\n"
    )
    code = (
        "import sys\nfrom massgraph.config import load_config\nload_config('team.yaml')\n"
        "print([m for m in ('langgraph', 'langchain_core', 'openai', 'rich') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(
        words, check=False, cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
