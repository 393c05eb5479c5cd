"""`massgraph replay`: a record, shown as its run was."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from massgraph.display.writers import PlainDisplay
from massgraph.nodes.events import Event, event_to_dict
from massgraph.record.event_file import read_record
from tests.record.stories import begun, finished, numbered, resumed, story, text, written
from tests.record.test_releases import RECORDS
from tests.vloop import run_virtual

from .conftest import Cli, started

AT_ONCE = ("--speed", "max")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of a run of two and a half seconds."""
    return written(tmp_path / "events.jsonl", story())


def slow() -> list[Event]:
    """Return a run that takes an hour."""
    return [dataclasses.replace(event, t=event.t * 1440) for event in story()]


def test_a_replay_is_what_the_run_was(cli: Cli) -> None:
    """The story on stderr, the answer on stdout, and the exit status of the run."""
    path = RECORDS[-1]
    loaded = read_record(path)
    assert loaded.result is not None
    shown = io.StringIO()
    display = PlainDisplay(shown)
    for event in loaded.events:
        display.show(event)
    ended = cli("replay", str(path), *AT_ONCE)
    assert ended.status == 0
    assert ended.out.decode() == loaded.result["answer"] + "\n"
    assert ended.err == shown.getvalue()


def test_a_run_is_recorded_and_played_back(cli: Cli) -> None:
    """What `run` has shown of a thread, `replay` shows again."""
    ran = cli("run", "-c", "team.yaml", "--thread", "seen", "q?")
    played = cli("replay", "seen", *AT_ONCE)
    assert (played.status, played.out) == (ran.status, ran.out)
    assert sorted(played.err.splitlines()) == sorted(ran.err.splitlines())


def test_the_result_as_json(cli: Cli) -> None:
    """--json prints the result object of the run."""
    ended = cli("replay", str(RECORDS[-1]), "--json", "--quiet")
    assert (ended.json, ended.err) == (read_record(RECORDS[-1]).result, "")


def test_the_events_as_json_lines(cli: Cli, record: Path) -> None:
    """--events prints what was recorded, less the checksums."""
    ended = cli("replay", str(record), "--events", "--quiet", *AT_ONCE)
    assert ended.events == [event_to_dict(event) for event in story()]
    assert len(ended.out.splitlines()) == len(story())


@pytest.mark.parametrize(
    ("outcome", "answer", "status", "out", "said"),
    [
        ("settled", "42", 0, b"42\n", ""),
        ("no_answer", None, 3, b"", "no agent has produced an answer"),
        ("cancelled", None, 1, b"", "the run that was recorded was cancelled"),
        ("failed", None, 1, b"", "the run that was recorded was failed"),
    ],
)
def test_the_exit_status_is_the_run_s(
    outcome: str, answer: str | None, status: int, out: bytes, said: str, cli: Cli, tmp_path: Path
) -> None:
    """As far as there is one for how it ended."""
    path = written(tmp_path / "x", numbered(begun(), finished(outcome, answer)))
    ended = cli("replay", str(path), "--quiet")
    assert (ended.status, ended.out) == (status, out)
    assert said in ended.err
    assert bool(ended.err) is bool(said)


def test_a_run_that_went_on_is_played_from_its_begin(cli: Cli, tmp_path: Path) -> None:
    """The last attempt's result is the run's."""
    first = numbered(begun(), text("Hm.\n"))
    second = numbered(resumed(), finished(), attempt=2, begin_s=3600)
    ended = cli("replay", str(written(tmp_path / "x", first, second)), *AT_ONCE)
    assert (ended.status, ended.out) == (0, b"42\n")
    assert ended.err.splitlines()[:3] == [
        "*     : team: alice (scripted m)",
        "alice | Hm.",
        "*     : team goes on: alice (scripted m)",
    ]


def cut(data: bytes) -> bytes:
    """Return a record less its last line."""
    return b"".join(data.splitlines(keepends=True)[:-1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "line 5: it has no end"),
        (lambda data: data[:-9], "line 6: it is not finished"),
        (lambda data: data.replace(b'"42"', b'"43"'), "line 6: its checksum is wrong"),
        (lambda data: b"", "it has no end"),
    ],
)
def test_a_record_that_is_not_whole_is_played_as_far_as_it_goes(
    change: Any, said: str, cli: Cli, record: Path
) -> None:
    """Then it says why it stops; nothing that is not sure is printed as the answer."""
    record.write_bytes(change(record.read_bytes()))
    played = len(list(read_record(record).events))
    ended = cli("replay", str(record), "--events", *AT_ONCE)
    assert (ended.status, len(ended.out.splitlines())) == (1, played)
    assert said in ended.err
    assert cli("replay", str(record), "--quiet").out == b""


def test_an_end_that_may_not_be_the_last_one(cli: Cli, record: Path) -> None:
    """A run whose next attempt is cut off at once: its last result is told, and not as success."""
    record.write_bytes(record.read_bytes() + b'{"v": 1')
    ended = cli("replay", str(record), "--quiet")
    assert (ended.status, ended.out) == (1, b"42\n")
    assert "line 7: it is not finished" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.jsonl"], "There is no record 'nowhere.jsonl'"),
        (["no/where.jsonl"], "cannot be read: No such file"),
        (["."], "The folder . holds no record"),
        ([""], "'' names no record"),
        (["team.yaml"], "team.yaml is no record of a run"),
        (["team.yaml", "--json", "--events"], "do not go together"),
        (["team.yaml", "--speed", "-1"], "'-1' is no number from 0 on"),
        (["team.yaml", "--speed", "nan"], "'nan' is no number from 0 on"),
        (["team.yaml", "--max-wait", "long"], "'long' is no number from 0 on"),
    ],
)
def test_mistakes(
    words: list[str], said: str, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is one line, and exit status 2."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ended = cli("replay", *words)
    assert (ended.status, ended.out) == (2, b"")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_thread_stands_for_its_last_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Records are found in the user's state directory, by number; a file goes before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    runs = tmp_path / "state" / "massgraph" / "runs" / "t1"
    for number, answer in (("0002", "two"), ("9999", "less"), ("10000", "many")):
        written(runs / number / "events.jsonl", numbered(begun(), finished(answer=answer)))
    (runs / "10001").mkdir()
    assert cli("replay", "t1", "--quiet").out == b"many\n"
    assert cli("replay", str(runs / "0002"), "--quiet").out == b"two\n"
    written(Path("t1"), numbered(begun(), finished(answer="file")))
    assert cli("replay", "t1", "--quiet").out == b"file\n"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ([], 2.5),
        (["--speed", "0.5"], 5),
        (["--speed", "0.5", "--max-wait", "0.75"], 3.75),
        (["--events", "--quiet"], 2.5),
        (["--speed", "0"], 0),
        (["--quiet"], 0),
    ],
)
def test_a_replay_takes_its_time(
    words: list[str], seconds: float, cli: Cli, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the run, unless another speed is wanted or nobody would see it."""
    took: list[float] = []

    async def timed(playing: Coroutine[Any, Any, Any]) -> Any:
        played = await playing
        took.append(asyncio.get_running_loop().time())
        return played

    monkeypatch.setattr(asyncio, "run", lambda playing: run_virtual(timed(playing)))
    assert cli("replay", str(record), *words).status == 0
    assert took == [pytest.approx(seconds, abs=1e-3)]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_signal_stops_a_replay_at_once(tmp_path: Path) -> None:
    """In the middle of a long wait."""
    path = written(tmp_path / "x", slow())
    with started("replay", str(path)) as process:
        assert process.stderr is not None
        assert b"alice" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (process.returncode, out) == (130, b"")
    assert err.splitlines()[-1] == b"massgraph: error: interrupted"


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
def test_a_replay_ends_when_nobody_reads_it(tmp_path: Path) -> None:
    """Whoever reads the events may leave at any time."""
    path = written(tmp_path / "x", slow())
    with started("replay", str(path), "--events", "--quiet") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "run_started"
        process.stdout.close()
        assert process.wait(timeout=20) == 1
