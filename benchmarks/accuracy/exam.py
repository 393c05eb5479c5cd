"""Exams: questions with one right answer, several wrong ones, and perhaps traps."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

CHOICES = "ABCDEFGH"
QUESTION_CHARS = 400
TRAPPED = 1 / 3
"""How often agents are right on a trap, as a share of how often they are right on the whole."""

_NUMBER = re.compile(r"Question (\d+):")
_CHOICE = re.compile(r"The answer is ([A-H])\.")


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Args:
        number: Its number, from 0.
        right: The right answer, a letter.
        wrong: The wrong ones.
        trap: Whether all mistakes are the same one, the first of the wrong answers.
    """

    number: int
    right: str
    wrong: tuple[str, ...]
    trap: bool

    @property
    def text(self) -> str:
        """What agents are asked."""
        begin = f"Question {self.number}: {' or '.join(sorted((self.right, *self.wrong)))}?"
        return f"{begin} {'More of the question. ' * QUESTION_CHARS}"[:QUESTION_CHARS]


@dataclass(frozen=True, slots=True)
class Exam:
    """Questions, and all chance that goes with them.

    Args:
        seed: Of all chance.
        wrong: How many wrong answers a question has.
        traps: The share of questions that are traps.
    """

    seed: int = 1
    wrong: int = 3
    traps: float = 0.0

    def chance(self, *what: object) -> random.Random:
        """Return the chance of one thing: the same for the same thing, whenever it is asked."""
        return random.Random(":".join(map(str, (self.seed, *what))))

    def question(self, number: int) -> Question:
        """Return the question of a number."""
        drawn = self.chance("question", number)
        right, *wrong = drawn.sample(CHOICES[: self.wrong + 1], self.wrong + 1)
        return Question(number, right, tuple(wrong), drawn.random() < self.traps)

    def on(self, question: Question, ability: float) -> float:
        """Return an ability on this question, where traps lower it.

        Over all questions the mean is `ability`: it is as much higher on the others.

        Raises:
            ValueError: When that would be more than 1.
        """
        other = ability * (1 - self.traps * TRAPPED) / (1 - self.traps)
        if other > 1:
            raise ValueError(f"An ability of {ability} leaves no room for traps.")
        return ability * TRAPPED if question.trap else other


def number_in(text: str) -> int:
    """Return the number of the question in a prompt."""
    return int(_NUMBER.findall(text)[-1])


def choice_in(text: str) -> str:
    """Return the letter that an answer gives."""
    found = _CHOICE.search(text)
    if found is None:
        raise ValueError(f"No answer of an exam: {text[:80]!r}")
    return found[1]
