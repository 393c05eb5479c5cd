"""Stop texts: an answer ends before the first of them, whether or not its provider knows any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessageChunk


class StopCut:
    """Cuts a streamed text at the first stop text.

    What may turn out to be the beginning of one is held back until it is known.

    Args:
        stops: The texts.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.done = False
        """Whether a stop text has come."""

    def feed(self, chunk: AIMessageChunk) -> Iterator[AIMessageChunk]:
        """Yield what of a chunk, and of what was held back, may be said."""
        last = chunk.chunk_position == "last"
        if not self._stops or not (chunk.content or (last and self._held)):
            yield chunk
            return
        text = self._held + str(chunk.text)
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            self.done, said, self._held = True, text[: min(found)], ""
        else:
            kept = 0 if last else self._open(text)
            said, self._held = text[: len(text) - kept], text[len(text) - kept :]
        if said or (last and not self.done):
            yield chunk.model_copy(update={"content": said})

    def _open(self, text: str) -> int:
        """Return how many characters at the end may be the beginning of a stop text."""
        longest = max(map(len, self._stops)) - 1
        return next(
            (
                size
                for size in range(min(longest, len(text)), 0, -1)
                if any(stop.startswith(text[-size:]) for stop in self._stops)
            ),
            0,
        )
