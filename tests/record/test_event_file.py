"""Whatever happens to a record is told by whoever reads it."""

from __future__ import annotations

import dataclasses
import json
import os
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massgraph.backends.errors import UserError
from massgraph.nodes.events import VERSION, Event, RoundOpened, RunFinished, event_to_dict
from massgraph.record.chain import START, seal, unseal
from massgraph.record.event_file import Loaded, read_record
from tests.nodes.given_events import events

from .stories import NASTY, begun, finished, numbered, resumed, story, text, written

STORY = numbered(begun(), text(NASTY), RunFinished(result={}))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of three events."""
    return written(tmp_path / "events.jsonl", STORY)


def kinds(loaded: Loaded) -> list[str]:
    """Return what is found, in order."""
    return [finding.kind for finding in loaded.findings]


def is_beginning(loaded: Loaded) -> bool:
    """Return whether the events are those of the story, from its begin on."""
    read = list(loaded.events)
    return read == STORY[: len(read)]


def test_a_record_is_read_as_it_was_written(record: Path) -> None:
    """All events come back, and nothing is wrong."""
    loaded = read_record(written(record.with_name("long"), story()))
    assert list(loaded.events) == story()
    assert (loaded.findings, loaded.result) == ((), finished().result)


def test_the_format_is_what_its_description_says(record: Path) -> None:
    """Each line is the event and a checksum over the one before and itself, for other programs."""
    before = ""
    for line, event in zip(record.read_text("utf-8").splitlines(), STORY, strict=True):
        body, _, rest = line.rpartition(', "sum": "')
        expected = blake2b(f"{before}{body}}}".encode(), digest_size=8).hexdigest()
        assert rest == f'{expected}"}}'
        assert json.loads(line) == event_to_dict(event) | {"sum": expected}
        before = expected


def test_any_byte_that_is_flipped_is_told(record: Path) -> None:
    """No single byte can change without a finding; what is read is a true beginning."""
    good = record.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        record.write_bytes(bad)
        loaded = read_record(record)
        assert kinds(loaded)[0] in ("damaged", "torn"), place
        assert loaded.findings[0].line == good.count(b"\n", 0, place) + 1
        assert is_beginning(loaded), place
        assert loaded.result is None


def test_any_truncation_is_told(record: Path) -> None:
    """A record that was cut off has no end, and an unfinished line unless it was cut after one."""
    good = record.read_bytes()
    for length in range(len(good)):
        record.write_bytes(good[:length])
        loaded = read_record(record)
        whole = not length or good[length - 1 : length] == b"\n"
        assert kinds(loaded) == (["no_end"] if whole else ["torn", "no_end"])
        assert is_beginning(loaded)


def test_lines_that_were_moved_are_told(record: Path) -> None:
    """Lines that are swapped, missing or there twice do not follow each other."""
    good = record.read_bytes().splitlines(keepends=True)
    changed: list[list[bytes]] = []
    for one, other in combinations(range(len(good)), 2):
        swapped = good.copy()
        swapped[one], swapped[other] = good[other], good[one]
        changed.append(swapped)
    for one in range(len(good)):
        changed += [good[:one] + good[one + 1 :], good[: one + 1] + good[one:]]
    for lines in changed:
        record.write_bytes(b"".join(lines))
        loaded = read_record(record)
        assert kinds(loaded)
        assert is_beginning(loaded)
        assert loaded.result is None or kinds(loaded) == ["damaged"]


@settings(max_examples=20)
@given(event=events())
def test_any_event_survives_its_line(event: Event) -> None:
    """A line holds one newline, no half of a character, and nothing that steers a terminal."""
    link = seal(event_to_dict(event), START)
    line = link.line.decode().removesuffix("\n")
    assert line.splitlines() == [line]
    assert not set("\x00\x1b\x7f\x85\u202e") & set(line)
    back = unseal(link.line, START)
    assert back is not None
    assert json.loads(back.line) == event_to_dict(event)


@settings(max_examples=20)
@given(line=st.binary(max_size=200))
def test_any_other_line_is_damaged(line: bytes) -> None:
    """Bytes that nobody sealed are no line."""
    assert unseal(line + b"\n", START) is None


def test_the_attempts_of_a_run_follow_each_other(tmp_path: Path) -> None:
    """Numbers begin again with each attempt, also where an attempt has told nothing at all."""
    first, third = numbered(begun(), text("Hm.")), numbered(resumed(), finished(), attempt=3)
    loaded = read_record(written(tmp_path / "events.jsonl", first, third))
    assert [attempt.number for attempt in loaded.attempts] == [1, 3]
    assert [list(attempt.events) for attempt in loaded.attempts] == [first, third]
    assert (loaded.attempts[0].result, loaded.findings) == (None, ())
    assert loaded.result == finished().result


@pytest.mark.parametrize(
    ("attempts", "found"),
    [
        ([numbered(begun(), text("a"), finished())[::2]], ["gap"]),
        ([numbered(begun(), finished())[1:]], ["gap"]),
        ([[*numbered(begun(), text("a")), *numbered(begun(), finished())]], ["order"]),
        ([numbered(resumed(), attempt=2), numbered(begun(), finished())], ["order"]),
        ([numbered(begun(), finished()), numbered(resumed(), attempt=2)], ["no_end"]),
    ],
)
def test_events_that_are_missing_or_misplaced_are_told(
    attempts: list[list[Event]], found: list[str], tmp_path: Path
) -> None:
    """Also where every line is as it was written."""
    assert kinds(read_record(written(tmp_path / "events.jsonl", *attempts))) == found


def sealed(*values: dict[str, object]) -> bytes:
    """Return lines with right checksums, whatever they hold."""
    lines, before = b"", START
    for one in values:
        line, before = seal(one, before)
        lines += line
    return lines


@pytest.mark.parametrize(
    ("second", "kind", "said"),
    [
        ({"v": VERSION + 1}, "newer", "made by a newer massgraph"),
        ({"type": "round_closed"}, "no_event", "no event of the type 'round_closed'"),
        ({"seq": "2"}, "no_event", "'seq'"),
    ],
)
def test_a_line_that_cannot_be_understood_ends_the_reading(
    second: dict[str, object], kind: str, said: str, tmp_path: Path
) -> None:
    """What a newer massgraph made is told from what is no event."""
    told = numbered(begun(), RoundOpened(asked=[]), finished())
    first, other, last = [event_to_dict(event) for event in told]
    (tmp_path / "events.jsonl").write_bytes(sealed(first, other | second, last))
    loaded = read_record(tmp_path / "events.jsonl")
    assert kinds(loaded) == [kind, "no_end"]
    assert loaded.findings[0].line == 2
    assert said in str(loaded.findings[0])
    assert len(list(loaded.events)) == 1


def test_a_line_that_is_nested_too_deeply_is_no_event(tmp_path: Path) -> None:
    """A file that somebody made on purpose does no harm."""
    line = b'{"v": ' + b"[" * 100_000 + b"}"
    digest = blake2b(line, digest_size=8).hexdigest().encode()
    (tmp_path / "x").write_bytes(line[:-1] + b', "sum": "' + digest + b'"}\n')
    assert kinds(read_record(tmp_path / "x")) == ["no_event", "no_end"]


@pytest.mark.parametrize("name", ["nothing", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_a_mistake(name: str, tmp_path: Path) -> None:
    """One line names it."""
    with pytest.raises(UserError, match="cannot be read"):
        read_record(f"{tmp_path}{os.sep}{name}")


def test_a_fork_may_begin_with_a_later_attempt(tmp_path: Path) -> None:
    """Its first record goes on where another thread's run was."""
    events = numbered(resumed(), finished(), attempt=2)
    assert not read_record(written(tmp_path / "x", events)).findings


def test_a_changed_event_under_its_old_checksum_is_told(record: Path) -> None:
    """Not even a change that is an event again."""
    events = STORY.copy()
    events[1] = dataclasses.replace(events[1], t=9.0)
    old = record.read_bytes().splitlines(keepends=True)
    new = written(record.with_name("new"), events).read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join([old[0], new[1], old[2]]))
    assert kinds(read_record(record)) == ["damaged", "no_end"]
