"""Old runs make room for new ones, and what is needed stays."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from massgraph import Agent, ScriptedBackend, Team, UserError
from massgraph.record import records as module
from massgraph.record.event_writer import EventWriter
from massgraph.record.records import MB, Records
from massgraph.record.result_file import write_result

SCRIPT = [{"new_answer": "42", "when": "no_answers"}, {"vote": "first", "when": "answers"}]


class Shelf:
    """A folder of runs, each younger than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._age = itertools.count(1_000_000)

    def add(
        self, thread: str, run: int = 1, outcome: str | None = "settled", size: int = 0
    ) -> Path:
        """Put a run there."""
        folder = self.folder / thread / f"{run:04d}"
        (folder / "agents").mkdir(parents=True)
        (folder / "agents" / "alice.txt").write_bytes(b"x" * size)
        events = folder / "events.jsonl"
        events.touch()
        if outcome is not None:
            write_result(folder, {"outcome": outcome})
        now = next(self._age)
        os.utime(events, (now, now))
        return folder

    @property
    def kept(self) -> list[str]:
        """What is there."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("*/*"))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return a folder of runs, with none in it."""
    return Shelf(tmp_path / "runs")


def test_the_oldest_runs_go_first(shelf: Shelf) -> None:
    """With the folder of a thread that has none left; a tenth more go than must."""
    for number in range(11):
        shelf.add(f"t{number:02}")
    shelf.add("t05", 2)
    Records(shelf.folder, runs=10).make_room()
    left = [f"t{number:02}/0001" for number in range(3, 11)]
    assert shelf.kept == sorted([*left, "t05/0002"])
    assert not (shelf.folder / "t00").exists()


def test_nothing_goes_while_there_is_room(shelf: Shelf) -> None:
    """Up to the very number, and up to the very size."""
    for number in range(4):
        shelf.add(f"t{number}", size=MB // 4 - 40)
    Records(shelf.folder, runs=4, mb=1).make_room()
    Records(shelf.folder).make_room()
    assert len(shelf.kept) == 4


def test_large_runs_make_room_by_their_size(shelf: Shelf) -> None:
    """All files of a run count."""
    for number in range(5):
        shelf.add(f"t{number}", size=MB // 2)
    Records(shelf.folder, mb=1.2).make_room()
    assert shelf.kept == ["t3/0001", "t4/0001"]


@pytest.mark.parametrize("outcome", [None, "cancelled", "failed"])
def test_what_may_go_on_stays(shelf: Shelf, outcome: str | None) -> None:
    """The newest run of a thread until it is over; older ones never go on."""
    shelf.add("t", 1, outcome)
    shelf.add("t", 2, outcome)
    shelf.add("u")
    Records(shelf.folder, runs=1).make_room()
    assert shelf.kept == ["t/0002"]


def test_what_goes_on_stays(shelf: Shelf) -> None:
    """A run that was over and is told again is being written."""
    writer = EventWriter(shelf.add("t") / "events.jsonl")
    shelf.add("u")
    shelf.add("v")
    Records(shelf.folder, runs=1).make_room()
    assert shelf.kept == ["t/0001"]
    writer.close()
    shelf.add("w")
    Records(shelf.folder, runs=1).make_room()
    assert shelf.kept == ["w/0001"]


def test_links_are_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    """What a link leads to is no run of ours, wherever in the folder the link is."""
    other = Shelf(tmp_path / "other")
    other.add("t")
    other.add("u")
    shelf.folder.mkdir()
    (shelf.folder / "t").symlink_to(other.folder / "t")
    (shelf.folder / "v").mkdir()
    (shelf.folder / "v" / "0001").symlink_to(other.folder / "u" / "0001")
    inside = shelf.add("w")
    (inside / "more").symlink_to(other.folder)
    shelf.add("x")
    Records(shelf.folder, runs=1).make_room()
    assert not inside.exists()
    assert (shelf.folder / "x" / "0001").exists()
    assert other.kept == ["t/0001", "u/0001"]


def test_strangers_stay(shelf: Shelf) -> None:
    """What is not called as a run of a thread is none."""
    for name in ("t/notes", "t/00001", ".hidden/0001", "0001.bak/x"):
        (shelf.folder / name).mkdir(parents=True)
    shelf.add("a")
    shelf.add("b")
    Records(shelf.folder, runs=1).make_room()
    assert shelf.kept == [".hidden/0001", "0001.bak/x", "b/0001", "t/00001", "t/notes"]


def test_nobody_looks_again_while_there_is_room(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To begin a run costs nothing: the folder is read once in so many runs."""
    looks = 0
    real = module._runs

    def runs(folder: Path, *, sizes: bool) -> object:
        nonlocal looks
        looks += 1
        return real(folder, sizes=sizes)

    monkeypatch.setattr(module, "_runs", runs)
    records = Records(shelf.folder, runs=20)
    for number in range(40):
        shelf.add(f"t{number:02}")
        records.make_room()
        assert len(shelf.kept) <= 21
    assert looks < 40 / 2


@pytest.mark.parametrize("limit", [{"runs": 0}, {"mb": 0}, {"mb": float("nan")}])
def test_limits_that_are_none(tmp_path: Path, limit: dict[str, Any]) -> None:
    """Are a mistake that is told at once."""
    with pytest.raises(UserError):
        Records(tmp_path, **limit)


def test_a_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    """Neither is a file in its place."""
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        Records(tmp_path / name, runs=1).make_room()


@pytest.mark.parametrize("noted", ["", "[]", '{"room": "x"}', '{"room": 9, "runs": 2, "mb": null}'])
def test_what_is_noted_and_does_not_fit_does_not_count(shelf: Shelf, noted: str) -> None:
    """Damage, or other limits: somebody looks."""
    shelf.add("t")
    shelf.add("u")
    (shelf.folder / ".room.json").write_text(noted)
    Records(shelf.folder, runs=1).make_room()
    assert shelf.kept == ["u/0001"]


async def test_a_run_makes_room(tmp_path: Path) -> None:
    """Of a team whose records have a limit; one without a limit keeps them all."""
    shelf = Shelf(tmp_path)
    agents = [Agent("alice", ScriptedBackend(SCRIPT))]
    for limit in (None, None, None, 2):
        async with Team(agents, records=Records(tmp_path, runs=limit)) as team:
            last = await team.arun("Why?")
    assert len(shelf.kept) == 2
    assert f"{last.thread_id}/0001" in shelf.kept
