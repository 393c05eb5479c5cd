"""`massgraph verify`: what is wrong with a record, and with a thread."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from massgraph.nodes import events as ev
from massgraph.record.event_file import read_record
from massgraph.store.paths import run_folder
from massgraph.verify import INVARIANTS
from tests.record.stories import written

from .conftest import Cli


@pytest.fixture
def record(cli: Cli, tmp_path: Path) -> Path:
    """The record of a run of two agents who agree."""
    thread = tmp_path.name
    assert cli("run", "-c", "team.yaml", "--thread", thread, "q?").status == 0
    return run_folder(thread, 1) / "events.jsonl"


def forged(record: Path, copy: Path) -> Path:
    """Write a record whose checksums are right, and whose winner is not."""
    events = [
        dataclasses.replace(event, winner="bob") if isinstance(event, ev.WinnerSelected) else event
        for event in read_record(record).events
    ]
    return written(copy, events)


def test_a_clean_record_has_a_line_for_each_invariant(cli: Cli, record: Path) -> None:
    """Exit status 0; what is not checked is said."""
    ended = cli("verify", str(record))
    lines = ended.out.decode().splitlines()
    assert ended.status == 0, ended.out
    assert lines[0].startswith(f"{record}: ")
    for name, sentence in INVARIANTS.items():
        said = "not checked" if name in ("S9", "S10") else "ok"
        assert f"{name} {said}: {sentence}" in lines


def test_a_violation_is_told_with_its_line(cli: Cli, record: Path, tmp_path: Path) -> None:
    """Exit status 1, and the invariants that do hold are told as well."""
    ended = cli("verify", str(forged(record, tmp_path / "forged.jsonl")))
    out = ended.out.decode()
    assert ended.status == 1
    assert "S4: bob wins, and has no current answer (line " in out
    assert "S1 ok: " in out
    assert "S4 ok: " not in out


def test_the_findings_are_had_as_json(cli: Cli, record: Path, tmp_path: Path) -> None:
    """One object: what was checked, what is wrong, and what could not be checked."""
    good = cli("verify", "--json", str(record)).json
    assert (good["ok"], good["violations"], good["damage"], good["stored"]) == (True, [], [], [])
    assert "S7" in good["checked"]
    bad = cli("verify", "--json", str(forged(record, tmp_path / "forged.jsonl")))
    assert (bad.status, bad.json["ok"]) == (1, False)
    assert {"S4", "S7"} <= {one["invariant"] for one in bad.json["violations"]}


def test_a_damaged_file_is_told(cli: Cli, record: Path, tmp_path: Path) -> None:
    """A changed byte, and a line that was not finished, cost exit status 1."""
    data = record.read_bytes()
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(data.replace(b'"alice"', b'"malice"', 40).replace(b"malice", b"alice", 3))
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(data[:-20])
    for path in (changed, torn):
        ended = cli("verify", str(path))
        assert ended.status == 1
        assert "damaged: line " in ended.out.decode()


def test_a_record_without_an_end_is_no_violation(cli: Cli, record: Path, tmp_path: Path) -> None:
    """A run that goes on, or was cut, is checked so far."""
    cut = written(tmp_path / "cut.jsonl", list(read_record(record).events)[:8])
    ended = cli("verify", str(cut))
    assert ended.status == 0
    assert "note: the record has no end" in ended.out.decode()


def test_a_key_of_the_environment_is_looked_for(
    cli: Cli, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that contains one is a violation; the key is not repeated."""
    monkeypatch.setenv("OPENAI_API_KEY", "It is right.")
    ended = cli("verify", str(record))
    assert ended.status == 1
    assert "S10: " in ended.out.decode()
    assert "It is right." not in ended.out.decode()


def test_what_is_no_record_is_a_mistake(cli: Cli) -> None:
    """Neither a file nor a thread: one line, exit status 2."""
    for name in ("nowhere.jsonl", "team.yaml", "x" * 300, f"a/{'x' * 5000}"):
        ended = cli("verify", name)
        assert (ended.status, ended.out) == (2, b"")
        assert name[:200] in ended.err


def test_a_thread_is_compared_with_its_store(cli: Cli, record: Path) -> None:
    """Its checkpoints are whole, and hold what the events give."""
    ended = cli("verify", record.parts[-3])
    assert ended.status == 0, ended.out
    assert cli("verify", "--json", record.parts[-3]).json["stored"] == []
    assert record.exists()


def test_a_thread_whose_steps_are_gone_is_told(cli: Cli, record: Path) -> None:
    """Its record has rounds, and their steps are lost; a folder of its name hides nothing."""
    thread = record.parts[-3]
    Path(thread).mkdir()
    with closing(sqlite3.connect(record.parents[3] / "massgraph.db")) as database, database:
        database.execute("DELETE FROM checkpoints")
    ended = cli("verify", thread)
    assert ended.status == 1
    assert "is damaged: its checkpoints are missing" in ended.out.decode()


def test_a_thread_whose_store_says_something_else_is_told(cli: Cli, record: Path) -> None:
    """A record of another run than the one that is stored is a finding."""
    events = [
        dataclasses.replace(event, round=event.round + 1) for event in read_record(record).events
    ]
    record.unlink()
    written(record, events)
    ended = cli("verify", record.parts[-3])
    assert ended.status == 1
    assert "stored: the stored round is not what the events give" in ended.out.decode()


def test_a_thread_that_nobody_kept_is_a_mistake(cli: Cli) -> None:
    """There is no record of it."""
    ended = cli("verify", "unknown")
    assert ended.status == 2
    assert "unknown" in ended.err
