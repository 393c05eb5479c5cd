"""The real command line, killed and stopped in the middle of a batch."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import environment, scripted

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's"),
]

PATIENCE_S = 300.0


@pytest.fixture(autouse=True)
def one_agent(folder: Path) -> None:
    """Let one agent answer, who asks nobody; another one takes its time."""
    (folder / "quick.json").write_text(scripted({"new_answer": "Paris"}))
    (folder / "slow.json").write_text(scripted({"delay": 0.3, "new_answer": "Paris"}))


def ask(folder: Path, number: int) -> None:
    lines = (json.dumps({"id": f"q{n}", "question": f"Question {n}?"}) for n in range(number))
    (folder / "q.jsonl").write_text("\n".join(lines))


def started(*words: str, config: str = "quick.json", **options: Any) -> subprocess.Popen[bytes]:
    """Start the batch in a process group of its own."""
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", "massgraph", "batch", "q.jsonl", "-o", "r.jsonl"]
    return subprocess.Popen(
        [*command, "-c", config, *words],
        # A disk that is full would leave halves of modules.
        env=environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
        **{"stdin": subprocess.DEVNULL, **pipes, **options},
    )


def lines() -> int:
    path = Path("r.jsonl")
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(number: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until there are so many results."""
    until = time.monotonic() + PATIENCE_S
    while lines() < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)  # looking costs, too


def results() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]


def threads() -> bytes:
    command = [sys.executable, "-m", "massgraph", "threads", "ls"]
    return subprocess.run(command, env=environment(), capture_output=True, check=True).stdout


def test_a_thousand_questions_are_killed_twice(folder: Path) -> None:
    """Each has exactly one result, and none of them was paid twice."""
    ask(folder, 1000)
    words = ("--jobs", "8", "--set", "graph=single")
    for killed_at in (300, 650):
        with started(*words, "--quiet") as process:
            wait_for(killed_at, process)
            os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    with (folder / "r.jsonl").open("ab") as cut:  # as a kill in the middle of a write does
        cut.write(b'{"v": 1, "id": "q99')
    with started(*words) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    counted = Counter(line["id"] for line in results())
    assert counted == {f"q{n}": 1 for n in range(1000)}
    assert {line["result"]["answer"] for line in results()} == {"Paris"}
    assert b"cut in half" in err
    assert b"1,000 questions: 1,000 answered; " in err.splitlines()[-1]
    assert b"batch-" not in threads()


def test_a_signal_stops_it_in_good_order(folder: Path) -> None:
    """What is under way is kept, and the same command goes on."""
    ask(folder, 6)
    with started("--jobs", "2", config="slow.json") as process:
        wait_for(2, process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert b"of 6 are done; to go on, run the same command again" in err.splitlines()[-1]
    assert b"Traceback" not in err
    assert {line["result"]["outcome"] for line in results()} == {"settled"}
    with started(config="slow.json") as process:
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert Counter(line["id"] for line in results()) == {f"q{n}": 1 for n in range(6)}


def test_a_second_signal_quits_at_once(folder: Path) -> None:
    """Whatever is still under way."""
    (folder / "hang.json").write_text(scripted({"hang": True}))
    ask(folder, 3)
    with started(config="hang.json", stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + PATIENCE_S
        while b"batch-" not in threads():
            assert time.monotonic() < until
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.001)  # two at once may come as one
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130


def test_two_processes_do_not_share_a_file(folder: Path) -> None:
    """The second one is refused, for as long as the first one lives."""
    (folder / "hang.json").write_text(scripted({"hang": True}))
    ask(folder, 1)
    with started(config="hang.json") as first:
        until = time.monotonic() + PATIENCE_S
        while not Path("r.jsonl").exists():
            assert time.monotonic() < until
        with started() as second:
            _, err = second.communicate(timeout=PATIENCE_S)
        first.kill()
    assert second.returncode == 2
    assert b"another batch is writing to it" in err


def test_a_disk_that_fills_up_loses_nothing(folder: Path) -> None:
    """It stops with a line that says so, and goes on when there is room."""
    ask(folder, 40)
    limited = ("--quiet", "--db", "memory:")  # where threads are kept, there is room

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))

    with started(*limited, preexec_fn=small_files) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert b"r.jsonl can't be written: File too large" in err
    assert b"Traceback" not in err
    assert 0 < len(results()) < 40
    with started(*limited) as process:
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert Counter(line["id"] for line in results()) == {f"q{n}": 1 for n in range(40)}


def test_nobody_has_to_read_stderr(folder: Path) -> None:
    """It may be a pipe whose reader has left."""
    ask(folder, 4)
    reading, writing = os.pipe()
    os.close(reading)
    with started(stderr=writing) as process:
        os.close(writing)
        assert process.wait(PATIENCE_S) == 0
    assert len(results()) == 4
