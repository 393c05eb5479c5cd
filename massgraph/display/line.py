"""A line of a run's story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["text", "reasoning", "answer", "final", "note", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line to show; `agent`, None where the machine speaks, is an id as the event has it."""

    text: str
    style: Style = "note"
    agent: str | None = None


def broken(line: str, widest: int) -> list[str]:
    """Return a line in pieces that are not too wide, broken at spaces where there are any."""
    pieces: list[str] = []
    begin, end = 0, len(line)
    while end - begin > widest:
        at = line.rfind(" ", begin + 1, begin + widest + 1)
        at = at if at > 0 else begin + widest
        pieces.append(line[begin:at].rstrip())
        begin = at
        while begin < end and line[begin] == " ":
            begin += 1
    return [*pieces, line[begin:]]
