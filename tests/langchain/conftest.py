"""What LangChain's standard tests ask for by fixtures, without the plugins that they come with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.wire.server import LoopbackServer

from .mind import answer


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    """A server on this machine with a mind."""
    with LoopbackServer(answer) as server:
        yield server


@pytest.fixture
def benchmark() -> Callable[[Callable[[], None]], None]:
    """Run a function: ten models must be made in a second, of this thread's own time."""

    def run(function: Callable[[], None]) -> None:
        began = time.thread_time()
        function()
        assert time.thread_time() - began < 1.0

    return run


@pytest.fixture
def vcr() -> None:
    """Recorded traffic: there is none, as the server is real."""


@pytest.fixture
def snapshot() -> None:
    """A stored form of a model: there is none, as it is not serialisable."""
