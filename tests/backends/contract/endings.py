"""The contract: refusals, and the token limit."""

from __future__ import annotations

from massgraph.backends.base import LLMBackend
from massgraph.backends.chunks import ContentChunk
from massgraph.backends.errors import MalformedResponseError, RefusedError
from massgraph.backends.fold import Turn, fold
from tests.wire.turn import WireTurn

from .asking import WEATHER, collect
from .harness import Part

NO = "I can't help with that."


class Endings(Part):
    """Why an answer ended is told."""

    async def test_a_refusal(self) -> None:
        """A refusal is a turn that says so, in the provider's words; or an error with them."""
        self.harness.needs("refusal")
        async with self.harness.opened(WireTurn(refusal=NO)) as backend:
            said = await _turn_or_refusal(backend)
        if isinstance(said, RefusedError):
            assert NO in str(said)
        else:
            assert said.finish_reason == "refusal"
            assert said.text == (NO if self.harness.can.refusal_words else "")

    async def test_a_refusal_after_some_words(self) -> None:
        """What was said before a refusal is kept."""
        self.harness.needs("refusal")
        turn = await self.harness.turn(WireTurn(text="Well. ", refusal=NO))
        assert turn.text.startswith("Well. ")
        assert turn.finish_reason == "refusal"

    async def test_the_token_limit(self) -> None:
        """An answer that was cut at the token limit says so."""
        self.harness.needs("length")
        turn = await self.harness.turn(WireTurn(text="Because it", finish="length"))
        assert (turn.text, turn.finish_reason) == ("Because it", "length")

    async def test_the_token_limit_within_a_call(self) -> None:
        """Arguments that were cut at the token limit are no arguments; what was said, was."""
        self.harness.needs("length", "splits")
        cut = WireTurn(text="Hm.", calls=[("weather", '{"city": "U')], finish="length")
        async with self.harness.opened(cut) as backend:
            chunks = await collect(backend, WEATHER)
        assert "".join(c.content for c in chunks if isinstance(c, ContentChunk)) == "Hm."
        try:
            turn = fold(chunks)
        except MalformedResponseError as error:
            assert "token limit" in str(error)  # noqa: PT017 - both are right
        else:
            assert (turn.tool_calls, turn.finish_reason) == ((), "length")


async def _turn_or_refusal(backend: LLMBackend) -> Turn | RefusedError:
    try:
        return fold(await collect(backend))
    except RefusedError as error:
        return error
