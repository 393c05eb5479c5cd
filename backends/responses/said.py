"""What a response has said so far: each word once, whether it came in pieces, as a whole, or both.

What was streamed counts where the whole contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..chunks import ContentChunk, ReasoningChunk, StreamChunk, ToolCallDeltaChunk


@dataclass(slots=True)
class _Call:
    """A function call while it is written."""

    name: str = ""
    written: str = ""


class Said:
    """What was said, by its place in the output; each method yields what is new of it."""

    def __init__(self) -> None:
        self._text: dict[tuple[int, int], str] = {}
        self._reasoned: set[int] = set()
        self._calls: dict[int, _Call] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self.refused = False
        """Whether any of it was a refusal."""

    @property
    def text(self) -> str:
        """All text."""
        return "".join(text for _, text in sorted(self._text.items()))

    @property
    def called(self) -> bool:
        """Whether there was a function call."""
        return bool(self._calls)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items that came as a whole."""
        return [item for _, item in sorted(self._items.items())]

    def keep(self, index: int, item: dict[str, Any]) -> None:
        """Keep a whole item."""
        self._items[index] = item

    def write(self, output: int, content: int, piece: str) -> Iterator[StreamChunk]:
        """Take in a piece of text."""
        if piece:
            place = (output, content)
            self._text[place] = self._text.get(place, "") + piece
            yield ContentChunk(piece)

    def write_whole(self, output: int, content: int, text: str) -> Iterator[StreamChunk]:
        """Take in a whole text."""
        heard = self._text.get((output, content), "")
        yield from self.write(output, content, _rest(text, heard))

    def reason(self, index: int, piece: str) -> Iterator[StreamChunk]:
        """Take in a piece of reasoning."""
        if piece:
            self._reasoned.add(index)
            yield ReasoningChunk(piece)

    def reason_on(self, index: int) -> Iterator[StreamChunk]:
        """Take in the beginning of another paragraph of reasoning."""
        if index in self._reasoned:
            yield ReasoningChunk("\n\n")

    def reason_whole(self, index: int, paragraphs: Sequence[str]) -> Iterator[StreamChunk]:
        """Take in whole reasoning."""
        if index not in self._reasoned and paragraphs:
            yield ReasoningChunk("\n\n".join(paragraphs))

    def call(self, index: int, call_id: str | None, name: str | None) -> Iterator[StreamChunk]:
        """Take in the beginning of a function call."""
        call = self._calls.setdefault(index, _Call())
        if name and not call.name:
            call.name = name
            yield ToolCallDeltaChunk(index, call_id, name)

    def argue(self, index: int, piece: str) -> Iterator[StreamChunk]:
        """Take in a piece of a call's arguments."""
        call = self._calls.setdefault(index, _Call())
        if piece:
            call.written += piece
            yield ToolCallDeltaChunk(index, arguments=piece)

    def argue_whole(self, index: int, arguments: str) -> Iterator[StreamChunk]:
        """Take in a call's whole arguments."""
        call = self._calls.setdefault(index, _Call())
        yield from self.argue(index, _rest(arguments, call.written))


def _rest(whole: str, heard: str) -> str:
    """Return what is still missing."""
    return whole[len(heard) :] if whole.startswith(heard) else ""
