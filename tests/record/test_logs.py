"""What a person reads of a run, in the run's folder, beside its record."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from massgraph.nodes import events as ev
from massgraph.nodes.events import Event
from massgraph.nodes.state import no_usage
from massgraph.record.attempt_head import AttemptHead, clock
from massgraph.record.recorder import Recorder
from massgraph.record.result_file import read_outcome
from massgraph.record.run_logs import RunLogs
from tests.vloop import run_virtual

from .stories import begun, finished, numbered, resumed, story, text

HEAD = """\
thread t1, run 1, attempt 1 begins 1970-01-01 00:00:00 +0000
team: agent1 is alice (scripted m)
"""

USED = no_usage() | {"calls": 1, "input_tokens": 1200, "output_tokens": 30, "cost_usd": 0.01}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock show the same time everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a run, which is not there yet."""
    return tmp_path / "runs" / "t1" / "0001"


def logs(folder: Path) -> RunLogs:
    """Return the logs of a run that began in 1970."""
    return RunLogs(folder, AttemptHead(1, begun=0.0))


def turn() -> list[Event]:
    """Return a turn with a bit of everything."""
    return numbered(
        begun(),
        ev.RoundOpened(asked=["alice"], round=1, epoch=1),
        ev.TurnStarted(agent="alice", answers=["agent1"], round=1),
        ev.AgentReasoning(agent="alice", delta="First,\n\n"),
        ev.AgentReasoning(agent="alice", delta="\x1b[2Jthen."),
        text("So:\n"),
        ev.ToolStarted(agent="alice", name="calculator", arguments={"expression": "6*7"}),
        ev.ToolFinished(agent="alice", name="calculator", result="42", error=None, seconds=0.25),
        ev.CallEnded(
            agent="alice",
            provider="openai",
            model="gpt",
            finish_reason="tool_calls",
            failure=None,
            stopped=False,
            seconds=1.5,
            usage=USED,
            replayed=False,
        ),
        ev.ActionRefused(agent="alice", what="call", why="No such tool."),
        ev.AnswerText(agent="alice", delta="It is\n42.", attempt=2),
        ev.VoteCast(voter="alice", candidate="alice", reason="Right,\nand short."),
        ev.VoteDropped(voter="alice", candidate="alice", why="A new answer came."),
        ev.Verdict(verdict="settled"),
        ev.AnswersAccepted(
            answers=[{"agent": "alice", "text": "42", "epoch": 2}], withdrawn=[], epoch=2
        ),
        finished(),
    )


def test_an_agents_log_tells_its_story(folder: Path) -> None:
    """What it was asked to do, reasoned, said, called, answered and voted, each with its time."""
    logs(folder).write(turn())
    assert (
        (folder / "agents" / "alice.txt").read_text()
        == HEAD
        + """\
question:
          Why?
  0:00.5  round 1, epoch 1
  0:01.0  is asked, and sees agent1
  0:01.5  reasons:
          First,

          ␛[2Jthen.
  0:02.5  says:
          So:
  0:03.0  calls calculator:
          {"expression": "6*7"}
  0:03.5  calculator gave after 0.2 s:
          42
  0:04.0  call of openai:gpt: tool_calls (1.5 s, 1,200 tokens in, 30 out, $0.0100)
  0:04.5  refused: call (No such tool.)
  0:05.0  writes a new answer:
          It is
          42.
  0:05.5  votes for alice:
          Right,
          and short.
  0:06.0  the vote for alice does not count: A new answer came.
  0:06.5  verdict: settled
  0:07.0  new answers of alice
  0:07.5  the run is over: settled
"""
    )


def test_the_votes_are_a_table(folder: Path) -> None:
    """Round by round, with reasons, the votes that do not count, the verdicts and the outcome."""
    logs(folder).write(turn())
    assert (
        (folder / "votes.txt").read_text()
        == HEAD
        + """\
question: Why?

round 1
  0:05.5  alice  alice  Right,
                        and short.
  0:06.0  alice  alice  does not count: A new answer came.
          alice 1
  0:06.5  verdict: settled
  0:07.0  new answers of alice (votes are void)

settled; winner: nobody
votes: none
dissent: none
"""
    )


def test_the_story_is_what_the_plain_display_tells(folder: Path) -> None:
    """With the time before each line."""
    logs(folder).write(story())
    told = (folder / "run.txt").read_text().removeprefix(HEAD)
    assert told.splitlines()[:3] == [
        "  0:00.0  *     : team: alice (scripted m)",
        "  0:00.5  *     : round 1: alice",
        "  0:02.0  alice | Hm.",
    ]


def test_the_result_is_that_of_the_last_attempt(folder: Path) -> None:
    """It is the very object, and a later attempt's takes its place."""
    events = numbered(begun(), finished("cancelled", 'half \ud800 "\u202e'))
    logs(folder).write(events)
    [*_, last] = events
    assert isinstance(last, ev.RunFinished)
    assert json.loads((folder / "result.json").read_bytes()) == last.result
    assert read_outcome(folder) == "cancelled"
    logs(folder).write(numbered(resumed(), finished(), attempt=2))
    assert read_outcome(folder) == "settled"
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []


def test_each_attempt_goes_on_below_the_one_before(folder: Path) -> None:
    """Under a heading of its own, with the votes that stand, and nothing before it changes."""
    logs(folder).write(numbered(begun(), finished("cancelled")))
    before = {path: path.read_text() for path in folder.rglob("*.txt")}
    again = dataclasses.replace(resumed(), round=2)
    vote: Any = {"voter": "alice", "candidate": "alice", "reason": "Right.", "epoch": 1}
    again.state["votes"]["alice"] = vote
    logs(folder).write(numbered(again, finished(), attempt=2, begin_s=3725.06))
    assert len(before) == 3
    for path, old in before.items():
        new = path.read_text()
        assert new.startswith(old + "\nthread t1, run 1, attempt 2 goes on 1970")
        assert "+0000, in round 2\n" in new
    assert "stands:   alice  alice  Right.\n" in (folder / "votes.txt").read_text()
    assert " 1:02:05  the run" in (folder / "agents" / "alice.txt").read_text()


def test_everything_is_for_its_owner_alone(folder: Path) -> None:
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        logs(folder).write(story())
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert modes == {0o600, 0o700}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_written_is_in_proportion_to_what_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of many pieces is written once, however the pieces come."""
    written = 0
    real = os.write

    def write(file: int, data: bytes) -> int:
        nonlocal written
        written += len(data)
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    running = logs(folder)
    running.write(numbered(begun()))
    before = written
    for _ in range(300):
        running.write([text("word " * 10 + "\n")])
    assert 2 * 15_000 <= (written - before) <= 5 * 15_000
    assert written == sum(path.stat().st_size for path in folder.rglob("*.txt"))


def test_a_long_line_takes_no_longer_than_a_short_one(folder: Path) -> None:
    """A provider may say everything in one piece, and without a space."""
    running = logs(folder)
    running.write(numbered(begun()))
    began = time.process_time()
    running.write([text("x" * 1_000_000)])
    assert time.process_time() - began < 2


def _no_folder(folder: Path, outside: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "agents").symlink_to(outside)


def _no_file(folder: Path, outside: Path) -> None:
    (folder / "agents").mkdir(parents=True)
    (folder / "agents" / "alice.txt").symlink_to(outside / "precious")


def _pipe(folder: Path, outside: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / "votes.txt")


def _no_run(folder: Path, outside: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(outside)


@pytest.mark.parametrize("twist", [_no_folder, _no_file, _pipe, _no_run])
def test_nothing_is_written_elsewhere(
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    twist: Callable[[Path, Path], None],
) -> None:
    """A link or a pipe among the logs ends them with one warning, and the record goes on."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    twist(folder, outside)
    path = tmp_path / "events.jsonl"

    async def main() -> None:
        recorder = Recorder(path, logs=logs(folder))
        for event in story():
            recorder.put(event)
        await recorder.aclose()
        assert recorder.failure is None

    run_virtual(main())
    assert [file.read_text() for file in outside.iterdir()] == ["precious"]
    [told] = caplog.records
    assert "The logs of the run stop here, the run goes on" in told.getMessage()
    assert told.exc_info is None
    assert path.read_text().count("\n") == 6


def test_a_folder_that_is_removed_does_not_come_back(folder: Path) -> None:
    """Half of the logs would be no logs: the recorder tells that they have ended."""
    running = logs(folder)
    running.write(numbered(begun()))
    shutil.rmtree(folder.parent)
    with pytest.raises(FileNotFoundError):
        running.write([text("too late\n")])
    assert not folder.parent.exists()


def test_a_link_in_the_place_of_the_result_is_replaced(folder: Path, tmp_path: Path) -> None:
    """And what it leads to stays as it is."""
    folder.mkdir(parents=True)
    precious = tmp_path / "precious"
    precious.write_text('{"outcome": "settled"}')
    (folder / "result.json").symlink_to(precious)
    assert read_outcome(folder) is None
    logs(folder).write(numbered(begun(), finished("cancelled")))
    assert read_outcome(folder) == "cancelled"
    assert precious.read_text() == '{"outcome": "settled"}'


def test_a_full_disk_harms_no_run(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning for the record and the logs together, and no half of a result."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # halves of modules would stay

    async def main() -> None:
        recorder = Recorder(folder / "events.jsonl", logs=logs(folder))
        for event in numbered(begun(), text("x" * 5000), finished()):
            recorder.put(event)
        await recorder.aclose()

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        run_virtual(main())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(caplog.records) == 1
    assert not list(folder.glob("result*"))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0:00.0"),
        (-1, "0:00.0"),
        (59.97, "1:00.0"),
        (3599.99, "1:00:00"),
        (90000, "25:00:00"),
    ],
)
def test_the_clock(seconds: float, told: str) -> None:
    """Minutes and tenths of seconds, hours where there are any."""
    assert clock(seconds).strip() == told
