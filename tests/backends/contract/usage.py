"""The contract: tokens and their price."""

from __future__ import annotations

from massgraph.backends.chunks import TokenUsage
from massgraph.backends.fold import fold
from tests.wire.turn import WireTurn, WireUsage

from .asking import collect
from .harness import Part

UNKNOWN = "a-model-of-nobody"


class Usage(Part):
    """Each call tells what it used and what that costs."""

    async def test_usage_is_reported_and_added_up(self) -> None:
        """Each call reports its tokens, and the backend counts them until it is reset."""
        async with self.harness.opened(WireTurn(text="Some words, to be counted.")) as backend:
            first = fold(await collect(backend)).usage
            second = fold(await collect(backend)).usage
        assert first is not None
        assert second is not None
        assert first.input_tokens > 0
        assert first.output_tokens > 0
        assert backend.token_usage == first + second
        backend.reset_token_usage()
        assert backend.token_usage.output_tokens == 0

    async def test_cached_and_reasoning_tokens(self) -> None:
        """Cached tokens are part of the input, those of reasoning of the output."""
        self.harness.needs("cached_usage")
        used = await self._used(WireUsage(input=900, cached=400, output=70, reasoning=20))
        assert (used.input_tokens, used.cached_tokens) == (900, 400)
        assert (used.output_tokens, used.reasoning_tokens) == (70, 20)

    async def test_the_price(self) -> None:
        """A call of a known model has its price, and one from the cache a lower one."""
        self.harness.needs("priced")
        plain = (await self._used(WireUsage(input=900, cached=0))).estimated_cost
        cached = (await self._used(WireUsage(input=900, cached=800))).estimated_cost
        assert plain is not None
        assert cached is not None
        assert 0 < cached < plain < 0.1

    async def test_an_unknown_price(self) -> None:
        """A model that no price list knows costs nobody knows what, which is not nothing."""
        self.harness.needs("wire")
        used = await self._used(WireUsage(), model=UNKNOWN)
        assert used.estimated_cost is None

    async def _used(self, usage: WireUsage, **options: str) -> TokenUsage:
        used = (await self.harness.turn(WireTurn(text="Rain.", usage=usage), **options)).usage
        assert used is not None
        return used
