"""One line of a file of questions: a question, or what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NoReturn, TypeAlias

Id: TypeAlias = "str | int"

OURS = ("id", "question", "context")
"""What a line is read for; whatever else is in it comes back with the result."""

DEEPEST = 100
"""How deep a line may be nested; what Python itself can read depends on who calls it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its line asks it.

    Args:
        line: The line's number, from 1.
        id: What the line calls it; the line's number where it says nothing.
        question: What is asked, with its context behind it.
        metadata: What comes back with the result.
    """

    line: int
    id: Id
    question: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What no other question may have: 7 and "7" are one id."""
        return str(self.id)

    @property
    def digest(self) -> str:
        """What is another one as soon as something else is asked."""
        return digest(self.question.encode())


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that asks nothing.

    Args:
        line: Its number, from 1.
        reason: What is wrong with it.
        digest: Of its bytes.
    """

    line: int
    reason: str
    digest: str


_TOO_DEEP = "it is nested too deeply"


class _BadError(ValueError):
    """What is wrong with a line."""


def digest(data: bytes) -> str:
    """Return the digest of a question, or of a line."""
    return blake2b(data, digest_size=12).hexdigest()


def parse(number: int, data: bytes) -> Question | BadLine:
    """Return the question that a line asks, or what is wrong with it.

    Args:
        number: The line's number.
        data: The line, without a byte-order mark.
    """
    try:
        return _question(number, _json(data))
    except _BadError as exc:
        return BadLine(number, str(exc), digest(data))


def _json(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _BadError("it is not UTF-8") from None
    try:
        given = json.loads(text, parse_constant=_no_number, parse_float=_number)
    except RecursionError:
        raise _BadError(_TOO_DEEP) from None
    except json.JSONDecodeError as exc:
        raise _BadError(f"it is not JSON: {exc.msg} (column {exc.colno})") from None
    except ValueError as exc:  # a number of thousands of digits, or none at all
        raise _BadError(f"it is not JSON: {str(exc).split(';')[0]}") from None
    if _is_deep(given):
        raise _BadError(_TOO_DEEP)
    return given


def _is_deep(given: Any) -> bool:
    """Return whether values are nested deeper than is read."""
    level = [given]
    for _ in range(DEEPEST + 1):
        inner = [one.values() if isinstance(one, dict) else one for one in level if _holds(one)]
        if not inner:
            return False
        level = [one for values in inner for one in values]
    return True


def _holds(given: Any) -> bool:
    return isinstance(given, dict | list)


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name[:40]} is no number")


def _question(number: int, given: Any) -> Question:
    if isinstance(given, str):
        return Question(number, number, _text("question", given))
    if not isinstance(given, dict):
        raise _BadError("it is neither an object nor a string")
    if "question" not in given:
        raise _BadError('it has no "question"')
    asked = _text("question", given["question"])
    context = _text("context", given.get("context") or "", empty=True)
    return Question(
        number,
        _id(given.get("id"), number),
        f"{asked}\n\n{context}" if context.strip() else asked,
        _metadata(given),
    )


def _text(name: str, given: Any, *, empty: bool = False) -> str:
    if not isinstance(given, str):
        raise _BadError(f"its {name} is not a text")
    if not empty and not given.strip():
        raise _BadError(f"its {name} is empty")
    return _whole(name, given)


def _whole(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _BadError(f"its {name} holds half of a character") from None
    return text


def _id(given: Any, number: int) -> Id:
    if given is None:
        return number
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise _BadError("its id is neither a text nor a whole number")
    return _whole("id", given) if isinstance(given, str) else given


def _metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says besides; an object that is called `metadata` is opened."""
    others = {key: value for key, value in given.items() if key not in OURS}
    inner = others.get("metadata")
    if isinstance(inner, dict):
        del others["metadata"]
        return {**inner, **others}
    return others
