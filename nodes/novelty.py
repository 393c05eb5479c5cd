"""Novelty: how close a new answer may be to one that is there.

Two answers are equal when they are the same after white space is folded. Otherwise they are as
close as their sets of words overlap, by the Jaccard index, |A and B| / |A or B|: 0 when they have
no word in common, 1 when they have the same words. Order and repetition do not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

LIMITS: Final[Mapping[str, float]] = {"exact": 1.0, "lenient": 0.7, "strict": 0.5}
"""The largest overlap that each name allows."""

Novelty = Literal["exact", "lenient", "strict"] | float
"""What a policy may ask for: a name, or the largest overlap itself."""

_WITHOUT_BLANKS = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b"  # radicals, Han marks and numerals
    "\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af"  # Han
    "]+"
)
_SPACE, _BLANKS = re.compile(r"\s+"), re.compile(r" {2,}")
_SLICE = 1 << 16
"""Characters folded at once: a list of the words takes ten times their text."""

_ASCII = {n: chr(n) if chr(n).isalnum() else " " for n in range(128)}
_REMEMBERED = 32
"""Texts whose words are kept: the current answers of a few teams."""


@dataclass(frozen=True, slots=True)
class Closest:
    """The answer that a text is closest to.

    Args:
        label: Whose it is.
        overlap: How close, from 0 to 1.
        limit: How close it may be.
        equal: Whether the two are the same but for white space.
    """

    label: str
    overlap: float
    limit: float = 1.0
    equal: bool = False


def too_close(text: str, answers: Mapping[str, str], novelty: Novelty) -> Closest | None:
    """Return the answer that a text is closest to, if it is too close to it.

    Args:
        text: The new answer.
        answers: Those that it is compared with: label -> text.
        novelty: How close it may be.
    """
    folded = fold_space(text)
    for label, answer in answers.items():
        if fold_space(answer) == folded:
            return Closest(label, 1.0, equal=True)
    most = LIMITS[novelty] if isinstance(novelty, str) else novelty
    if most >= 1 or not answers:
        return None
    shares = {label: overlap(text, answer) for label, answer in answers.items()}
    label = max(shares, key=shares.__getitem__)
    return Closest(label, shares[label], most) if shares[label] > most else None


def overlap(one: str, other: str) -> float:
    """Return how much the words of two texts overlap, from 0 to 1.

    Texts of which one has no words overlap wholly when they are equal, and not at all otherwise.
    """
    words, others = words_of(one), words_of(other)
    if not words or not others:
        return float(fold_space(one) == fold_space(other))
    common = len(words & others)
    return common / (len(words) + len(others) - common)


@lru_cache(maxsize=_REMEMBERED)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text: runs of letters, marks and digits, in one case.

    In scripts that set no blanks between words each character is a word.
    """
    text = text.casefold()
    if text.isascii():
        return frozenset(text.translate(_ASCII).split())
    # Each distinct run between blanks once: a long text says the same words again and again.
    text = " ".join(set(text.split()))
    alone = {c for c in set("".join(_WITHOUT_BLANKS.findall(text))) if _in_words(c)}
    text = _WITHOUT_BLANKS.sub(" ", text)
    cut = {ord(c): c if _in_words(c) else " " for c in set(text)}
    return frozenset(text.translate(cut).split()) | alone


def fold_space(text: str) -> str:
    """Return `text` with each run of white space as one blank: what makes answers equal."""
    return _fold_short(text) if len(text) <= _SLICE else _folded(text)


def _folded(text: str) -> str:
    slices = (text[at : at + _SLICE] for at in range(0, len(text), _SLICE))
    folded = "".join(_SPACE.sub(" ", piece) for piece in slices)
    return _BLANKS.sub(" ", folded).strip()  # they meet where slices do


_fold_short = lru_cache(maxsize=_REMEMBERED)(_folded)


def _in_words(character: str) -> bool:
    """Return whether a character is a letter, a mark or a digit."""
    return unicodedata.category(character)[0] in "LMN"
