"""Records: the folder of all runs' records and logs, and how much of them is kept."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..backends.errors import UserError
from ..outcomes import OVER
from ..store.paths import NAME, RUN
from .holding import is_held
from .result_file import read_outcome
from .text_file import read_file, replace_file

logger = logging.getLogger("massgraph.record")

EVENTS = "events.jsonl"
ROOM = ".room.json"
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Records:
    """Where the records and logs of runs are, and how much of them is kept.

    Args:
        folder: The folder: below it one a thread, and below that one a run.
        runs: How many runs are kept; None for all.
        mb: How many megabytes they may take, as the sum of their files' sizes; None for any.

    Raises:
        UserError: When a limit is none.
    """

    folder: Path
    runs: int | None = None
    mb: float | None = None

    def __post_init__(self) -> None:
        if self.runs is not None and self.runs < 1:
            raise UserError(f"At least one run is kept, not {self.runs}.", hint="None keeps all.")
        if self.mb is not None and not self.mb > 0:
            raise UserError(f"mb must be more than 0, not {self.mb:g}.", hint="None sets no limit.")

    @classmethod
    def of(cls, given: str | Path | Records | None) -> Records | None:
        """Return the records that a folder stands for; what are some already stay as they are."""
        return cls(Path(given)) if isinstance(given, str | Path) else given

    def make_room(self) -> None:
        """Remove the oldest runs where there are too many; what can't be removed stays.

        Call it when a run has begun, in a thread: it blocks. A tenth more than needed is removed,
        and a file notes how many runs may begin until somebody looks again. What stays in any case:
        a run that goes on, the newest run of a thread as long as it is unfinished, and whatever a
        link leads to.
        """
        if self.runs is None and self.mb is None:
            return
        with suppress(OSError):
            if self._is_room():
                return
            found = sorted(_runs(self.folder, sizes=self.mb is not None))
            left = len(found), sum(run.size for run in found)
            if self._is_too_much(*left):
                left = self._remove(found, *left)
            self._note(self._room(*left))

    def _is_room(self) -> bool:
        """Return whether there was room for this run when somebody looked last."""
        try:
            noted = json.loads(read_file(self.folder / ROOM))
            room = int(noted["room"]) - 1
            same = (noted["runs"], noted["mb"]) == (self.runs, self.mb)
        except (OSError, ValueError, TypeError, KeyError):
            return False
        if not same or room < 0:
            return False
        self._note(room)
        return True

    def _note(self, room: int) -> None:
        noted = {"room": room, "runs": self.runs, "mb": self.mb}
        replace_file(self.folder / ROOM, json.dumps(noted).encode(), sync=False)

    def _is_too_much(self, runs: int, size: int, *, spare: bool = False) -> bool:
        """Return whether so much is more than is kept, or leaves less than a tenth to spare."""
        if self.runs is not None and runs > self.runs - spare * (self.runs // 10):
            return True
        return self.mb is not None and size > self.mb * MB * (0.9 if spare else 1)

    def _remove(self, found: list[_Kept], runs: int, size: int) -> tuple[int, int]:
        """Remove the oldest runs, and return how many are left, and their bytes."""
        newest: dict[str, int] = {}
        for one in found:
            newest[one.thread] = max(newest.get(one.thread, 0), one.number)
        before = runs
        for one in found:
            if not self._is_too_much(runs, size, spare=True):
                break
            if _is_needed(one, newest=one.number == newest[one.thread]):
                continue
            with suppress(OSError):
                shutil.rmtree(one.path)
                runs, size = runs - 1, size - one.size
                with suppress(OSError):
                    one.path.parent.rmdir()  # when it was the thread's last one
        logger.info("%d old runs removed from %s", before - runs, self.folder)
        return runs, size

    def _room(self, runs: int, size: int) -> int:
        """Return how many runs may begin until there may be too many."""
        room = [100_000]
        if self.runs is not None:
            room.append(self.runs - runs)
        if self.mb is not None:
            each = max(size / max(runs, 1), 16 * 1024)
            room.append(int((self.mb * MB - size) / each / 2))  # the next ones may be longer
        return max(min(room), 0)


class _Kept(NamedTuple):
    """A run that is kept, in the order of age."""

    changed: float
    thread: str
    number: int
    size: int
    path: Path


def _runs(folder: Path, *, sizes: bool) -> Iterator[_Kept]:
    """Give out the runs below a folder; links are none."""
    for thread in _folders(folder):
        if NAME.fullmatch(thread.name):
            for run in _folders(thread.path):
                if RUN.fullmatch(run.name):
                    number, path = int(run.name), Path(run.path)
                    size = _size(path) if sizes else 0
                    yield _Kept(_changed(path), thread.name, number, size, path)


def _folders(path: Path | str) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as entries:
        return [one for one in entries if one.is_dir(follow_symlinks=False)]
    return []


def _changed(run: Path) -> float:
    """Return when something was last told in a run."""
    for path in (run / EVENTS, run):
        with suppress(OSError):
            return path.lstat().st_mtime
    return 0.0


def _size(folder: Path | str) -> int:
    """Return the bytes of the files below a folder."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for one in entries:
            with suppress(OSError):
                if one.is_dir(follow_symlinks=False):
                    total += _size(one.path)
                else:
                    total += one.stat(follow_symlinks=False).st_size
    return total


def _is_needed(run: _Kept, *, newest: bool) -> bool:
    """Return whether a run goes on, or may go on later."""
    return (newest and read_outcome(run.path) not in OVER) or is_held(run.path / EVENTS)
