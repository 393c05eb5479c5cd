"""A file of questions: read once to know what is asked, and a second time to ask."""

from __future__ import annotations

import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from ..backends.errors import UserError
from .question import BadLine, Question, digest, parse

MOST_BYTES = 1_000_000
"""How long a line may be."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, as far as it has to be kept in mind.

    Args:
        questions: Key of a question -> the number of its line, and its digest.
        bad: Number of a bad line -> its digest.
    """

    questions: dict[str, tuple[int, str]] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many lines get a result."""
        return len(self.questions) + len(self.bad)


class Questions:
    """The questions of a file, one line each.

    Args:
        file: What they are read from, from its beginning.
        name: What the file is called.

    Raises:
        UserError: When there is none.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self.name = file, name
        self.asked = Asked()
        for entry in self._read():
            if isinstance(entry, BadLine):
                self.asked.bad[entry.line] = entry.digest
            else:
                self.asked.questions[entry.key] = entry.line, entry.digest
        if not self.asked.total:
            raise UserError(f"There is no question in {name}.", hint="Give one a line, as JSON.")

    @classmethod
    def opened(cls, name: str) -> Self:
        """Return the questions of a file; `-` is stdin, which is read to its end.

        Raises:
            UserError: When it can't be read, or holds none.
        """
        if name == "-":
            return cls(_spooled(), "stdin")
        try:
            file: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - it is read for as long as there is work
            if not stat.S_ISREG(Path(name).stat().st_mode):
                file = _copied(file)
            return cls(file, name)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or "not a file name"
            raise UserError(f"The questions {name} can't be read: {reason}.") from exc

    def __iter__(self) -> Iterator[Question | BadLine]:
        """Give out all questions, in order.

        Raises:
            UserError: When the file is not any more what it was.
        """
        changed = UserError(f"{self.name} was changed while it was read.", hint="Begin again.")
        found = 0
        for entry in self._read():
            if isinstance(entry, BadLine):
                known = self.asked.bad.get(entry.line) == entry.digest
            else:
                known = self.asked.questions.get(entry.key) == (entry.line, entry.digest)
            if not known:
                raise changed
            found += 1
            yield entry
        if found != self.asked.total:
            raise changed

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> Iterator[Question | BadLine]:
        """Read all of the file; of two questions with one id the second one is bad."""
        self._file.seek(0)
        number, seen = 0, self.asked.questions
        while line := self._file.readline(MOST_BYTES + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if len(line) > MOST_BYTES:
                yield BadLine(number, self._skipped(line), digest(line))
                continue
            line = line.strip(b" \t\r\n")
            if line:
                entry = parse(number, line)
                if isinstance(entry, Question):
                    first = seen.get(entry.key, (number, ""))[0]
                    if first < number:
                        reason = f"its id {entry.key!r} is that of line {first}, too"
                        entry = BadLine(number, reason, digest(line))
                yield entry

    def _skipped(self, line: bytes) -> str:
        """Read a line that is too long to its end, and return what is wrong with it."""
        while line and not line.endswith(b"\n"):
            line = self._file.readline(MOST_BYTES)
        return f"it is longer than {MOST_BYTES:,} bytes"


def _spooled() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise UserError("There is no stdin to read questions from.", hint="Name a file.")
    try:
        return _copied(sys.stdin.buffer)
    except OSError as exc:
        raise UserError(f"stdin can't be read: {exc.strerror}.", hint="Name a file.") from exc


def _copied(file: BinaryIO) -> BinaryIO:
    """Return what a file holds that can be read only once."""
    import shutil

    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is read for as long as there is work
    shutil.copyfileobj(file, copy)
    return copy
