"""The contract: event loops, calls at the same time, closing."""

from __future__ import annotations

import asyncio

from massgraph.backends.base import LLMBackend
from massgraph.backends.fold import Turn, fold
from tests.wire.turn import WireTurn

from .asking import call, collect, first_words
from .harness import Part
from .stopping import IN_A_TEXT

HELLO = WireTurn(text="Hello.")


class Lives(Part):
    """A backend opens and closes with each event loop, and leaves nothing behind."""

    def test_names_itself(self) -> None:
        """A backend has a provider's name and a model's, known without a running loop."""
        with self.harness.open(HELLO) as backend:
            assert backend.provider_name
            assert backend.model

    async def test_calls_at_the_same_time(self) -> None:
        """One backend serves several calls at once, and mixes up nothing."""
        texts = [f"Answer number {number}. " * 5 for number in range(5)]
        turns = [WireTurn(text=text) for text in texts]
        async with self.harness.opened(*turns) as backend:
            got = await asyncio.gather(*(collect(backend) for _ in turns))
        said = [fold(chunks).text for chunks in got]
        assert all(said)
        if self.harness.can.scripted:
            assert sorted(said) == texts

    def test_two_event_loops(self) -> None:
        """One backend serves two event loops, one after the other."""

        async def once(backend: LLMBackend) -> Turn:
            turn = fold(await collect(backend))
            await backend.aclose()
            return turn

        with self.harness.open(HELLO) as backend:
            assert asyncio.run(once(backend)).text
            assert asyncio.run(once(backend)).text

    async def test_closing_leaves_nothing(self) -> None:
        """After aclose no task is left, and the provider holds no connection any more."""
        before = asyncio.all_tasks()
        async with self.harness.opened(IN_A_TEXT) as backend:
            stopped = call(backend)
            await first_words(stopped)
            await stopped.aclose()
            await backend.aclose()
            await backend.aclose()  # closing twice does no harm
            await self.harness.assert_released()
        for _ in range(200):  # generators that were left are closed by the loop, in its own time
            if asyncio.all_tasks() == before:
                break
            await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == before

    async def test_opens_again_after_closing(self) -> None:
        """A closed backend opens again when it is called."""
        async with self.harness.opened(HELLO) as backend:
            await backend.prepare()
            await backend.aclose()
            turn = fold(await collect(backend))
            await backend.aclose()
        assert turn.text
