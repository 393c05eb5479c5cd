"""How the contract gets at a backend, and looks at its provider."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import pytest

from massgraph.backends.base import BuiltinTool, LLMBackend
from massgraph.backends.fold import Turn, fold
from tests.wire import server as wire
from tests.wire.brain import brain
from tests.wire.turn import HttpError, WireTurn

from .asking import WEATHER, collect

Said = WireTurn | HttpError
"""What the provider says to one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Can:
    """What a backend can do, and its provider can be told to do, in a test.

    Args:
        scripted: The provider says just what the turns hold.
        wire: A strict server sees, and checks, the requests.
        reasoning: Reasoning is told.
        sealed: What must come back for the model to go on thinking is sealed, and sent back.
        splits: Arguments of calls come in pieces of any size, and may be cut off.
        interleaved: The protocol lets pieces of several calls alternate.
        statuses: A request can be refused by an HTTP status.
        breaks: An answer can break off after its first words.
        error_frames: An error can be told in the middle of an answer.
        hangs: An answer can stop coming anywhere, also within a call.
        refusal: A refusal is told as one.
        refusal_words: Its words are told, too.
        length: The token limit is told.
        cached_usage: Tokens that were cached, and those of reasoning, are counted.
        priced: The model's price is known.
        schema: A reply can be held to a JSON schema.
        builtin: The provider's own tools -> the argument that switches each on.
    """

    scripted: bool = True
    wire: bool = True
    reasoning: bool = True
    sealed: bool = True
    splits: bool = True
    interleaved: bool = False
    statuses: bool = True
    breaks: bool = True
    error_frames: bool = True
    hangs: bool = True
    refusal: bool = True
    refusal_words: bool = True
    length: bool = True
    cached_usage: bool = True
    priced: bool = True
    schema: bool = True
    builtin: Mapping[BuiltinTool, str] = field(default_factory=dict["BuiltinTool", str])


class Harness(ABC):
    """How the contract gets at a backend and looks at its provider.

    Args:
        can: What it can.
    """

    patience_s: ClassVar[float] = 10.0
    """Seconds that stopping a call may take."""

    def __init__(self, can: Can) -> None:
        self.can = can

    def needs(self, *flags: str) -> None:
        """Skip the test unless all these flags are set; without a script, none is."""
        for flag in ("scripted", *flags):
            if not getattr(self.can, flag):
                pytest.skip(f"not {flag}")

    @abstractmethod
    def open(self, *turns: Said, **options: Any) -> AbstractContextManager[LLMBackend]:
        """Return a backend whose provider says these turns, without a running loop.

        Args:
            *turns: What it says, in order, the last one again and again.
            **options: Further arguments of the backend; `model` is another model.
        """

    @asynccontextmanager
    async def opened(self, *turns: Said, **options: Any) -> AsyncIterator[LLMBackend]:
        """Return the same backend for the running loop, and close it there."""
        with self.open(*turns, **options) as backend:
            try:
                yield backend
            finally:
                await backend.aclose()

    def minded(self, fitting: str, **options: Any) -> AbstractContextManager[LLMBackend]:
        """Return a backend whose model fits its reply to the schema that it is sent.

        Args:
            fitting: A reply that fits the schema which the test will ask for.
            **options: Further arguments of the backend.
        """
        return self.open(WireTurn(text=fitting), **options)

    def warm_up(self) -> None:
        """Do what takes long the first time, before a test measures time."""

    async def assert_asked(self) -> None:
        """Assert that a call has reached the provider."""

    async def assert_stopped(self) -> None:
        """Assert that the provider knows that its call was stopped."""

    async def assert_released(self) -> None:
        """Assert that the provider holds nothing for the closed backend any more."""

    @property
    def sent(self) -> Sequence[Any]:
        """The bodies of the requests, where there is a wire."""
        return ()

    async def turn(self, *turns: Said, **options: Any) -> Turn:
        """Return the first of these turns, as it comes through."""
        async with self.opened(*turns, **options) as backend:
            return fold(await collect(backend, WEATHER))


class MakeBackend(Protocol):
    """Returns the backend of a server."""

    def __call__(self, server: wire.LoopbackServer, /, **options: Any) -> LLMBackend: ...


class WireHarness(Harness):
    """A server on this machine says what the turns hold, and refuses what the provider refuses.

    Args:
        make: Returns the backend of a server.
        can: What it can.
        **options: Further arguments of the backend.
    """

    def __init__(self, make: MakeBackend, can: Can, **options: Any) -> None:
        super().__init__(can)
        self._make, self._options = make, options
        self._server: wire.LoopbackServer | None = None

    @property
    def server(self) -> wire.LoopbackServer:
        """The server of the last backend."""
        assert self._server is not None
        return self._server

    @contextmanager
    def open(self, *turns: Said, **options: Any) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays these turns, and takes all its requests."""
        with self.play([self.said(turn) for turn in turns], **options) as backend:
            yield backend

    def minded(self, fitting: str, **options: Any) -> AbstractContextManager[LLMBackend]:
        """Return a backend of a server that reads the schema, and does not know `fitting`."""
        return self.play(brain, **options)

    @contextmanager
    def play(self, script: wire.Script, **options: Any) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays a script, and takes all its requests."""
        with wire.LoopbackServer(script) as self._server:
            yield self._make(self.server, **{**self._options, **options})
        assert self.server.refused == []

    def said(self, turn: Said) -> Said:
        """Return a turn as this model says it."""
        return turn

    def warm_up(self) -> None:
        """Import the SDK, and build its types."""
        asyncio.run(self._hello())

    async def _hello(self) -> None:
        await self.turn(WireTurn(text="Hello."))

    async def assert_asked(self) -> None:
        """The server has the request."""
        await self.server.received()

    async def assert_stopped(self) -> None:
        """The server sees that its client has hung up."""
        await self.server.disconnected(timeout=self.patience_s)

    async def assert_released(self) -> None:
        """The server has no connection left."""
        await self.server.idle()

    @property
    def sent(self) -> Sequence[Any]:
        """The bodies of the requests."""
        return [request.body for request in self.server.requests]


class Part:
    """A part of the contract."""

    harness: ClassVar[Harness]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _warm(cls) -> None:
        cls.harness.warm_up()
