"""A record is appended to, and never to damage."""

from __future__ import annotations

import logging
import os
import resource
import stat
import sys
from pathlib import Path

import pytest

from massgraph.backends.errors import RecordError
from massgraph.record.event_file import read_record
from massgraph.record.event_writer import EventWriter

from .stories import begun, finished, numbered, resumed, story, text, written

FIRST = numbered(begun(), text("Hm."))
SECOND = numbered(resumed(), finished(), attempt=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a record goes, in folders that are not there yet."""
    return tmp_path / "runs" / "t1" / "0001" / "events.jsonl"


def test_a_record_is_for_its_owner_alone(path: Path) -> None:
    """So are the folders that are made for it."""
    written(path, story())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:3]} == {0o700}


def test_the_chain_goes_on_where_it_was(path: Path) -> None:
    """A record that was written in pieces is the one that was written at once."""
    written(path, FIRST, [], SECOND)
    assert path.read_bytes() == written(path.with_name("other"), FIRST + SECOND).read_bytes()
    assert not read_record(path).findings


def test_an_unfinished_line_is_cut_off(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At any length of it; the next attempt follows the last whole line."""
    written(path, FIRST)
    good = path.read_bytes()
    line = len(good.splitlines(keepends=True)[-1])
    for length in range(1, line, 7):
        caplog.clear()
        path.write_bytes(good[: len(good) - length])
        with caplog.at_level(logging.WARNING, "massgraph"):
            written(path, SECOND)
        assert "not finished" in caplog.text
        loaded = read_record(path)
        assert not loaded.findings
        assert list(loaded.events) == FIRST[:1] + SECOND


def test_nothing_is_appended_to_damage(path: Path) -> None:
    """The damaged line is named, and the file stays as it is."""
    written(path, story())
    bad = path.read_bytes().replace(b"Hm.", b"Ha!")
    path.write_bytes(bad)
    with pytest.raises(RecordError, match="line 4 is damaged"):
        EventWriter(path)
    assert path.read_bytes() == bad


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """Nobody can point a record to another file."""
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "other")
    with pytest.raises(RecordError, match="cannot be written"):
        EventWriter(path)
    assert not (tmp_path / "other").exists()


def test_only_a_regular_file_is_a_record(tmp_path: Path) -> None:
    """A pipe is refused, not waited for, and so is a folder."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordError, match="no regular file"):
        EventWriter(tmp_path / "pipe")
    with pytest.raises(RecordError, match="directory"):
        EventWriter(tmp_path)


def test_what_a_full_disk_took_is_cut_off_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events before it are a record still, and no half of a line stands at its end."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # halves of modules would stay
    writer = EventWriter(path)
    writer.append(FIRST)
    good = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) + 100, limits[1]))
        with pytest.raises(RecordError, match="cannot be written: File too large"):
            writer.append(SECOND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == good
    writer.append(SECOND)
    writer.close()
    assert not read_record(path).findings


def test_closing_twice_does_nothing(path: Path) -> None:
    """Another file that got the same descriptor meanwhile stays open."""
    writer = EventWriter(path)
    writer.sync()
    writer.close()
    other = os.open(path, os.O_RDONLY)
    writer.close()
    os.close(other)
