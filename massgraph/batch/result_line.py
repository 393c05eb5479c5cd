"""One line of a file of results: what came of one question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from ..nodes.json_line import json_line
from .question import BadLine, Id, Question
from .spent import Spent

BEGIN = b'{"v": 1, "id": '
"""How each line begins, so that half a line is known."""


class ForeignLineError(ValueError):
    """A line that is none of a batch's results."""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What came of one question.

    Args:
        id: The question's id; None for a line that asks nothing.
        line: The number of its line.
        digest: Of the question, or of the line that asks nothing.
        metadata: What the line said besides.
        result: The run's result object; None where there was no run.
        error: Why there was no run, or how it broke.
        earlier: What was used by runs before that had no answer.
    """

    id: Id | None
    line: int
    digest: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    error: str | None = None
    earlier: Spent = field(default_factory=Spent)

    @classmethod
    def bad(cls, bad: BadLine) -> Self:
        """Return what comes of a line that asks nothing."""
        return cls(None, bad.line, bad.digest, error=f"line {bad.line}: {bad.reason}")

    @classmethod
    def of(
        cls,
        question: Question,
        result: dict[str, Any] | None,
        error: str | None = None,
        earlier: Spent | None = None,
    ) -> Self:
        """Return what came of a question."""
        return cls(
            question.id,
            question.line,
            question.digest,
            question.metadata,
            result,
            error,
            earlier or Spent(),
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return what a line holds.

        Raises:
            ForeignLineError: When it is no result of a batch.
        """
        try:
            given = json.loads(data)
        except (ValueError, RecursionError):
            raise ForeignLineError from None
        if not isinstance(given, dict) or given.get("v") != 1 or not _is_ours(given):
            raise ForeignLineError
        return cls(
            given["id"],
            given["line"],
            given["digest"],
            given.get("metadata", {}),
            given.get("result"),
            given.get("error"),
            Spent.from_dict(given.get("earlier_usage", {})),
        )

    @property
    def key(self) -> str | None:
        """The question's key; None for a line that asks nothing."""
        return None if self.id is None else str(self.id)

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.result is not None and self.result.get("answer") is not None

    @property
    def spent(self) -> Spent:
        """What was used for the question, by runs before, too."""
        if self.result is None:
            return self.earlier
        return self.earlier + Spent.of(self.result["usage"]["total"])

    @property
    def thread_id(self) -> str | None:
        """The run's thread; None where there was no run."""
        return None if self.result is None else cast("str", self.result["thread_id"])

    def to_bytes(self) -> bytes:
        """Return the line."""
        line: dict[str, Any] = {
            "v": 1,
            "id": self.id,
            "line": self.line,
            "digest": self.digest,
            "metadata": dict(self.metadata),
        }
        if self.error is not None:
            line["error"] = self.error
        if self.result is not None:
            line["result"] = self.result
        if self.earlier:
            line["earlier_usage"] = self.earlier.to_dict()
        return json_line(line)


def is_half(data: bytes) -> bool:
    """Return whether this is the beginning of a line; zeros are what a power cut may leave."""
    data = data.strip(b"\0")
    return data.startswith(BEGIN) or BEGIN.startswith(data)


def _is_ours(given: Mapping[str, Any]) -> bool:
    """Return whether an object has what a line of ours has."""
    result = given.get("result")
    return (
        isinstance(given.get("line"), int)
        and isinstance(given.get("digest"), str)
        and isinstance(given.get("id"), str | int | None)
        and isinstance(given.get("metadata", {}), dict)
        and isinstance(given.get("error"), str | None)
        and _are_figures(given.get("earlier_usage", {}))
        and isinstance(result, dict | None)
        and ("result" in given or "error" in given)
        and (result is None or _is_result(result))
    )


def _is_result(result: Mapping[str, Any]) -> bool:
    usage = result.get("usage")
    total = usage.get("total") if isinstance(usage, dict) else None
    return _are_figures(total) and isinstance(result.get("thread_id"), str)


def _are_figures(given: object) -> bool:
    return isinstance(given, dict) and all(
        one is None or isinstance(one, int | float) for one in given.values()
    )
