"""What is known when the work begins: the results that are there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Self

from ..backends.errors import UserError
from .question import Id
from .questions import Asked
from .result_file import ResultFile
from .result_line import ResultLine
from .spent import Purse, Spent


@dataclass
class Count:
    """How a batch stands.

    Args:
        total: How many lines get a result.
        answered: Questions with an answer.
        unanswered: Questions that were asked and have none.
        bad: Lines that ask nothing.
        before: Results that were there at the beginning.
    """

    total: int = 0
    answered: int = 0
    unanswered: int = 0
    bad: int = 0
    before: int = 0

    @property
    def done(self) -> int:
        """How many have a result."""
        return self.answered + self.unanswered + self.bad

    def add(self, line: ResultLine) -> None:
        """Count a result."""
        if line.id is None:
            self.bad += 1
        elif line.answered:
            self.answered += 1
        else:
            self.unanswered += 1


@dataclass
class Known:
    """What is known at the beginning of work.

    Args:
        count: How the batch stands.
        done: Keys of the questions that have a result, and numbers of the bad lines that have.
        last: Threads of the last two results: a killed process may have left the last one.
        earlier: Key of a question that is asked again -> what was used for it.
        repaired: Whether half a line was cut off.
    """

    count: Count = field(default_factory=Count)
    done: set[str | int] = field(default_factory=set)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=2))
    earlier: dict[str, Spent] = field(default_factory=dict)
    repaired: bool = False

    @classmethod
    def none(cls, asked: Asked) -> Self:
        """Return what is known where there are no results."""
        return cls(Count(total=asked.total))

    @classmethod
    def of(cls, file: ResultFile, asked: Asked, purse: Purse, *, anew: bool) -> Self:
        """Return what a file of results tells, once it is known to be of these questions.

        Args:
            file: The file; nothing is changed in it as long as it may be another batch's.
            asked: The questions.
            purse: Takes in what was used.
            anew: Whether questions without an answer are asked again: their results go.

        Raises:
            UserError: When the file is of other questions, or none of a batch.
            MassgraphError: When it can't be written.
        """
        known = cls.none(asked)
        reader = _Reader(file, asked, anew)
        dropped = 0
        for line in file.lines():
            key = reader.checked(line)
            purse.spend(line.spent)
            if anew and not line.answered:
                dropped += 1
                if line.spent and line.key is not None:
                    known.earlier[line.key] = line.spent
                continue
            known.done.add(key)
            known.count.add(line)
            if line.thread_id is not None:
                known.last.append(line.thread_id)
        known.count.before = known.count.done
        known.repaired = file.repair()
        if dropped:
            file.keep(lambda line: line.answered)
        return known


class _Reader:
    """Checks that results are those of the questions, and one for each."""

    def __init__(self, file: ResultFile, asked: Asked, anew: bool) -> None:
        self._path, self._asked, self._anew = file.path, asked, anew
        self._seen: set[str | int] = set()

    def checked(self, line: ResultLine) -> str | int:
        """Return what the result is filed under.

        Raises:
            UserError: When it belongs to no question here, or to one that has a result already.
        """
        key = self._of_bad(line) if line.key is None else self._of_question(line.key, line)
        if key in self._seen:
            raise self._refused(f"it has two results for {_called(line.id, line.line)}")
        self._seen.add(key)
        return key

    def _of_bad(self, line: ResultLine) -> int:
        if not self._anew and self._asked.bad.get(line.line) != line.digest:
            raise UserError(
                f"{self._path}: line {line.line} of the questions was bad, and is another one now:",
                hint="--retry-failed takes it in.",
            )
        return line.line

    def _of_question(self, key: str, line: ResultLine) -> str:
        if key not in self._asked.questions:
            raise self._refused(
                f"it has a result for {_called(line.id, line.line)}, which is not asked"
            )
        reworded = self._asked.questions[key][1] != line.digest
        if reworded and not (self._anew and not line.answered):
            raise self._refused(f"{_called(line.id, line.line)} asked something else then")
        return key

    def _refused(self, why: str) -> UserError:
        return UserError(
            f"{self._path} belongs to other questions: {why}.",
            hint="Name another file with -o; this one is left as it is.",
        )


def _called(id_: Id | None, line: int) -> str:
    return f"line {line}" if id_ is None else f"the question {id_!r}"
