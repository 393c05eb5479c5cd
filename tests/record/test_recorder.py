"""A run is recorded while it runs, and nobody waits for that."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path

import psutil
import pytest

from massgraph.backends.errors import RecordError
from massgraph.nodes.events import AgentText, Event
from massgraph.record.event_file import read_record
from massgraph.record.recorder import MERGED_S, Recorder
from tests.vloop import run_virtual

from .stories import begun, finished, numbered, story, text, written


def told(path: Path) -> list[Event]:
    """Return what has been recorded by now."""
    return list(read_record(path).events) if path.exists() else []


def is_open(path: Path) -> bool:
    """Return whether this process has a file open."""
    return str(path) in {file.path for file in psutil.Process().open_files()}


def record(path: Path, *events: Event) -> None:
    """Record these events, at once."""

    async def main() -> None:
        recorder = Recorder(path)
        for event in events:
            recorder.put(event)
        await recorder.aclose()

    run_virtual(main())


def test_text_waits_for_more_and_everything_else_does_not(tmp_path: Path) -> None:
    """Pieces within a quarter of a second are one event; another event takes them along."""
    path = tmp_path / "events.jsonl"

    async def main() -> None:
        recorder = Recorder(path)
        recorder.put(begun())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [event.type for event in told(path)] == ["run_started"]
        for piece in "abc":
            recorder.put(text(piece))
            await asyncio.sleep(MERGED_S / 4)
        assert len(told(path)) == 1
        await asyncio.sleep(MERGED_S / 2)
        assert [event.type for event in told(path)] == ["run_started", "agent_text"]
        recorder.put(text("d"))
        recorder.put(finished())
        await asyncio.sleep(0.001)
        assert len(told(path)) == 4
        await recorder.aclose()

    run_virtual(main())
    loaded = read_record(path)
    assert not loaded.findings
    assert [event.seq for event in loaded.events] == [1, 2, 3, 4]
    assert [e.delta for e in loaded.events if isinstance(e, AgentText)] == ["abc", "d"]


def test_what_is_put_last_is_there_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing writes what has waited, on the disk and in order."""
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    record(tmp_path / "x", begun(), text("Hm."), finished())
    assert (tmp_path / "x").stat().st_size in sizes
    assert [event.type for event in told(tmp_path / "x")] == [
        "run_started",
        "agent_text",
        "run_finished",
    ]


def test_a_run_that_told_nothing_leaves_no_file(tmp_path: Path) -> None:
    """An empty record would say that a run had been cut off."""
    record(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_next_attempt_goes_on_with_the_file(tmp_path: Path) -> None:
    """Its events are numbered from 1 again."""
    path = written(tmp_path / "x", numbered(begun(), text("Hm.")))
    record(path, *numbered(begun(), finished(), attempt=2))
    loaded = read_record(path)
    assert [attempt.number for attempt in loaded.attempts] == [1, 2]
    assert not loaded.findings


def test_a_run_goes_on_without_its_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A disk that takes nothing is told of once, in one line."""
    (tmp_path / "file").touch()

    async def main() -> None:
        recorder = Recorder(tmp_path / "file" / "events.jsonl")
        for event in story():
            recorder.put(event)
            await asyncio.sleep(1)
        assert isinstance(recorder.failure, RecordError)
        await recorder.aclose()

    with caplog.at_level(logging.WARNING, "massgraph"):
        run_virtual(main())
    [told] = caplog.records
    assert "the run goes on" in told.getMessage()
    assert told.exc_info is None


def test_a_fault_of_our_own_does_not_end_a_run_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told with its traceback, and what was recorded before is a record."""
    broken = begun()
    broken.policy["key"] = object()
    with caplog.at_level(logging.WARNING, "massgraph"):
        record(tmp_path / "x", broken, finished())
    [told] = caplog.records
    assert told.exc_info is not None
    assert not is_open(tmp_path / "x")
    assert [finding.kind for finding in read_record(tmp_path / "x").findings] == ["no_end"]


async def test_opening_tells_at_once_what_is_wrong(tmp_path: Path) -> None:
    """Before the run begins, damage is known, and an unfinished line is cut off."""
    path = written(tmp_path / "x", story())
    path.write_bytes(path.read_bytes().replace(b"Hm.", b"Ha!"))
    recorder = await Recorder.open(path)
    await recorder.aclose()
    assert "line 4 is damaged" in str(recorder.failure)


async def test_nothing_is_left_of_a_recorder(tmp_path: Path) -> None:
    """No task, no thread, and no open file."""
    before = set(threading.enumerate())
    recorder = await Recorder.open(tmp_path / "x")
    assert is_open(tmp_path / "x")
    for event in story():
        recorder.put(event)
        await asyncio.sleep(0)
    await asyncio.gather(recorder.aclose(), recorder.aclose())
    await recorder.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert set(threading.enumerate()) == before
    assert not is_open(tmp_path / "x")
    assert not read_record(tmp_path / "x").findings


async def test_who_is_cancelled_while_closing_leaves_a_whole_record(tmp_path: Path) -> None:
    """The cancellation comes once everything is written."""
    recorder = Recorder(tmp_path / "x")
    for event in story():
        recorder.put(event)
    closing = asyncio.create_task(recorder.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not read_record(tmp_path / "x").findings


@pytest.mark.parametrize("steps", range(4))
def test_the_end_of_the_event_loop_leaves_a_whole_record(steps: int, tmp_path: Path) -> None:
    """Also where every task is cancelled at once, and the run ends its record then."""

    async def run() -> None:
        recorder = Recorder(tmp_path / "x")
        try:
            for event in story()[:-1]:
                recorder.put(event)
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        finally:
            recorder.put(story()[-1])
            await recorder.aclose()

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(run())
        for _ in range(steps + 1):
            await asyncio.sleep(0)
        return task

    assert asyncio.run(main()).cancelled()
    loaded = read_record(tmp_path / "x")
    assert not loaded.findings
    assert loaded.result == story()[-1].result  # type: ignore[union-attr]
