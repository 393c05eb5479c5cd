"""The lines of an event stream, made such that the SDK takes them for what they are.

The SDK knows lines that begin with `data: `, and takes all others for JSON as it is: a comment,
the name of an event, or `data:` without the space would break the answer. A frame of another shape
it passes over without a word, or takes apart letter by letter.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from ..wire import Wire

_UNKNOWN_TO_THE_SDK = (b":", b"event:", b"id:", b"retry:")
_DATA = b"data:"


class _Content(Wire):
    parts: list[dict[str, Any]] | None = None


class _Candidate(Wire):
    content: _Content | None = None


class _Frame(Wire):
    """What holds the words: what is within is checked by the SDK."""

    candidates: list[_Candidate] | None = None


async def plain_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield a stream's bytes, line by line, as the SDK reads them.

    Args:
        chunks: The bytes as they come, cut anywhere.

    Raises:
        pydantic.ValidationError: When the data of an event are no frame.
    """
    lines = _Lines()
    async for chunk in chunks:
        if plain := lines.feed(chunk):
            yield plain
    if rest := lines.finish():
        yield rest


class _Lines:
    """Reads lines, which end in CR, LF or both."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Take in a chunk, and return the lines that it completes."""
        self._pieces.append(chunk)
        if b"\n" not in chunk and b"\r" not in chunk and not self._pieces[0].endswith(b"\r"):
            return b""
        lines = b"".join(self._pieces).splitlines(keepends=True)
        # What ends in CR may go on with LF.
        self._pieces = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        return b"".join(map(self._plain, lines))

    def finish(self) -> bytes:
        """Return the last line, once the stream has ended."""
        last = self._plain(b"".join(self._pieces))
        self._check()
        return last

    def _plain(self, line: bytes) -> bytes:
        if line.startswith(_UNKNOWN_TO_THE_SDK):
            return b""
        if line.startswith(_DATA):
            data = line.removeprefix(_DATA)
            self._data.append(data)
            return _DATA + b" " + data.removeprefix(b" ")
        if not line.strip():
            self._check()
        return line

    def _check(self) -> None:
        """Refuse an event, now that it is complete, whose data are no frame."""
        if self._data:
            _Frame.model_validate_json(b"".join(self._data))
            self._data = []
