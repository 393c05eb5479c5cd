"""The contract: errors, before and after the first chunk."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph.backends.chunks import ContentChunk, DoneChunk, ErrorChunk
from massgraph.backends.errors import BackendErrorKind
from tests.wire.turn import HttpError, WireTurn

from .asking import collect_failing
from .harness import Part


class Failures(Part):
    """A turn that fails ends in one error of the right kind."""

    @pytest.mark.parametrize(
        ("status", "kind", "wait"),
        [
            (400, "bad_request", None),
            (401, "auth", None),
            (403, "auth", None),
            (429, "rate_limit", 7.25),
            (500, "overloaded", None),
            (503, "overloaded", 1.5),
        ],
    )
    async def test_before_the_first_chunk(
        self, status: int, kind: BackendErrorKind, wait: float | None
    ) -> None:
        """A refused request is an error of its kind, with the wait that is asked for."""
        self.harness.needs("statuses")
        refused = HttpError(status=status, retry_after=wait)
        async with self.harness.opened(refused) as backend:
            chunks, error = await collect_failing(backend)
        assert (error.kind, error.retry_after) == (kind, wait)
        assert error.status == status
        assert not any(isinstance(chunk, ContentChunk | DoneChunk) for chunk in chunks)

    @pytest.mark.parametrize("kind", ["rate_limit", "overloaded", "bad_request"])
    async def test_after_the_first_chunk(self, kind: BackendErrorKind) -> None:
        """An error in the answer is the last thing, after what was said, and without done."""
        self.harness.needs("error_frames")
        await self._fails(kind, error=kind)

    @pytest.mark.parametrize(
        ("end", "kind"), [("drop", "connection"), ("eof", "incomplete_stream")]
    )
    async def test_cut_off(self, end: str, kind: BackendErrorKind) -> None:
        """An answer that breaks off is an error, never a short success."""
        self.harness.needs("breaks")
        await self._fails(kind, end=end)

    async def _fails(self, kind: BackendErrorKind, **broken: Any) -> None:
        async with self.harness.opened(WireTurn(text="Well, " * 9, **broken)) as backend:
            chunks, error = await collect_failing(backend)
        assert error.kind == kind
        said = "".join(chunk.content for chunk in chunks if isinstance(chunk, ContentChunk))
        assert said.startswith("Well, ")
        assert not any(isinstance(chunk, DoneChunk | ErrorChunk) for chunk in chunks)
