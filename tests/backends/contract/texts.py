"""The contract: text and reasoning."""

from __future__ import annotations

from typing import get_args

import pytest

from massgraph.backends.chunks import ContentChunk, DoneChunk, ErrorChunk, StreamChunk
from massgraph.backends.fold import fold
from tests.wire.turn import WireTurn

from .asking import LONG, TEXT, collect
from .harness import Part

MEGABYTE = (TEXT + "x" * 30) * 10_000


class Texts(Part):
    """Text and reasoning come through byte for byte."""

    async def test_ends_in_one_done(self) -> None:
        """A turn that succeeds ends in one done, and holds nothing but chunks and no error."""
        async with self.harness.opened(WireTurn(text=LONG)) as backend:
            chunks = await collect(backend)
        assert all(isinstance(chunk, get_args(StreamChunk)) for chunk in chunks)
        assert [chunk.type for chunk in chunks].count("done") == 1
        assert isinstance(chunks[-1], DoneChunk)
        assert not any(isinstance(chunk, ErrorChunk) for chunk in chunks)

    @pytest.mark.parametrize("piece", [1, 8])
    async def test_text(self, piece: int) -> None:
        """Text comes through as it was sent, in as many chunks as it was sent."""
        self.harness.needs()
        async with self.harness.opened(WireTurn(text=TEXT, piece=piece)) as backend:
            chunks = await collect(backend)
        turn = fold(chunks)
        assert (turn.text, turn.finish_reason) == (TEXT, "stop")
        assert turn.tool_calls == ()
        assert sum(isinstance(chunk, ContentChunk) for chunk in chunks) > 1

    async def test_reasoning(self) -> None:
        """Reasoning comes through beside the text, and is no part of it."""
        self.harness.needs("reasoning")
        turn = await self.harness.turn(WireTurn(reasoning=f"Hm, 🤔… {TEXT}", text="Rain."))
        assert (turn.reasoning, turn.text) == (f"Hm, 🤔… {TEXT}", "Rain.")

    async def test_a_megabyte(self) -> None:
        """A megabyte comes through, too."""
        self.harness.needs("wire")
        turn = await self.harness.turn(WireTurn(text=MEGABYTE, piece=8192))
        assert len(MEGABYTE.encode()) > 1 << 20
        assert turn.text == MEGABYTE
