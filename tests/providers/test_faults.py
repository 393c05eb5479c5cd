"""All providers, on their real SDKs, against every fault of the table."""
# ruff: noqa: ASYNC110 - nobody tells when the last task of an SDK has ended

from __future__ import annotations

import asyncio
import logging
import random
import socket
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
)
from massgraph.backends.errors import (
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    IncompleteStreamError,
    error_class,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.retry import retrying
from massgraph.nodes.stream import wait_before_next

from ..wire.brain import brain
from ..wire.reply import Request
from ..wire.server import Said
from .breaking import TEXT
from .conftest import Board
from .matrix import FAULTS, POLICY, Fault
from .seats import KEY, SEATS, Seat

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

PATIENCE_S = 20.0
"""Seconds after which a case counts as hanging; on an idle machine the slowest takes two."""
QUESTION: list[AnyMessage] = [SystemMessage("Be brief."), HumanMessage("Is it raining?")]
TOOLS = (
    ToolSchema(
        "weather",
        "Tells the weather.",
        {"type": "object", "properties": {"city": {"type": "string"}}},
    ),
)


@dataclass(slots=True)
class Heard:
    """What came of a call: chunks, and a turn or an error."""

    chunks: list[StreamChunk] = field(default_factory=list)
    turn: Turn | None = None
    error: BackendError | None = None
    began: bool = False

    @property
    def text(self) -> str:
        """The text, as far as it came."""
        return "".join(chunk.content for chunk in self.chunks if isinstance(chunk, ContentChunk))


async def ask(backend: LLMBackend) -> Heard:
    """Call a backend as the engine does: again, as the policy allows, until the first chunk."""
    heard = Heard()

    async def begin() -> AsyncIterator[StreamChunk]:
        stream = aiter(backend.stream_with_tools(QUESTION, TOOLS))
        async for chunk in stream:
            if isinstance(chunk, ErrorChunk):
                raise chunk.error
            if not isinstance(chunk, AgentStatusChunk):
                heard.began = True
                heard.chunks.append(chunk)
                return stream
        raise IncompleteStreamError("The stream ended before it began.")

    try:
        stream = await retrying(begin, POLICY, rng=random.Random(0))
        async for chunk in stream:
            heard.chunks.append(chunk)
        heard.turn = fold(heard.chunks)
    except BackendError as error:
        heard.error = error
    return heard


def check_error(heard: Heard, fault: Fault, provider: str) -> None:
    """Assert that the error is the right one, and that the engine decides right."""
    kind = fault.kind_at(provider)
    assert kind is not None, f"unexpected: {heard.error!r}"
    error = heard.error
    assert error is not None, f"no error, but {heard.turn}"
    assert error.kind == kind, f"{error!r} caused by {error.__cause__!r}"
    assert isinstance(error, error_class(kind))
    assert error.retry_after == pytest.approx(fault.wait, abs=5 if fault.wait == 300 else 1e-6)
    assert "\n" not in str(error)
    assert str(error).strip()
    again = wait_before_next(error, 1, "seed")
    assert (again is not None) == (error.retryable and (error.retry_after or 0) <= 120)


def check_turn(heard: Heard, fault: Fault) -> None:
    """Assert that the answer came through whole."""
    turn = heard.turn
    assert turn is not None, f"{heard.error!r} caused by {heard.error and heard.error.__cause__!r}"
    assert turn.finish_reason == fault.finish
    assert turn.text.startswith(TEXT if fault.finish == "stop" and fault.text is None else "")
    assert len({call["id"] for call in turn.tool_calls}) == len(turn.tool_calls) == fault.calls
    assert sum(isinstance(chunk, DoneChunk) for chunk in heard.chunks) == 1
    assert isinstance(heard.chunks[-1], DoneChunk)


def check_secret(heard: Heard, backend: LLMBackend, logged: str) -> None:
    """Assert that the key is nowhere where a person, a log or a checkpoint could keep it."""
    shown = [logged, repr(backend), repr(heard.chunks)]
    if heard.error is not None:
        shown += traceback.format_exception(heard.error)
        shown += [repr(heard.error), repr(vars(heard.error))]
    assert not any(KEY in text for text in shown)


async def settled(before: set[asyncio.Task[Any]]) -> None:
    """Return once no task is left; what is thrown away may take a moment to close."""
    async with asyncio.timeout(1.0):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0)


@pytest.fixture(params=SEATS)
def seat(request: pytest.FixtureRequest) -> Seat:
    """Return one provider after the other."""
    return SEATS[request.param]


@pytest.mark.parametrize("name", FAULTS)
async def test_fault(name: str, seat: Seat, board: Board, caplog: pytest.LogCaptureFixture) -> None:
    """The right error or the whole answer, the right number of requests, and nothing left."""
    fault = FAULTS[name]
    caplog.set_level(logging.DEBUG, "massgraph")
    board.set(fault.play)
    before = asyncio.all_tasks()
    backend = seat.open(board.server.origin, idle_timeout_s=fault.idle_timeout_s)
    async with asyncio.timeout(PATIENCE_S):
        heard = await ask(backend)
        await backend.aclose()
    if fault.kind_at(seat.provider) is None:
        check_turn(heard, fault)
    else:
        check_error(heard, fault, seat.provider)
    if fault.text is not None:
        assert heard.text == fault.text
        assert heard.began or not fault.text
    await board.check()
    await settled(before)
    wanted = fault.requests_at(seat.provider, begun=heard.began)
    assert len(board.server.requests) == wanted
    assert board.elsewhere.requests == []
    check_secret(heard, backend, caplog.text)


# --- no server, or one that is no such server --------------------------------------------------


async def check_unreachable(
    seat: Seat, base_url: str, said: str, *, connect_timeout_s: float = 5.0
) -> None:
    """Assert that a call fails as one whose server cannot be reached, and says so."""
    backend = seat.at(base_url, connect_timeout_s=connect_timeout_s)
    async with asyncio.timeout(PATIENCE_S):
        heard = await ask(backend)
        await backend.aclose()
    assert said in str(heard.error)
    assert not heard.began
    check_secret(heard, backend, "")
    assert type(heard.error) in (BackendConnectionError, BackendTimeoutError)


async def test_nobody_listens(seat: Seat) -> None:
    """A port where nobody listens is named, with the question to ask."""
    with socket.socket() as taken:  # bound, so that nobody else can listen there
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}{seat.path}"
        await check_unreachable(seat, url, f"No server answers at {url}. Is it running?")


async def test_unknown_host(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that no name server knows is asked about as a base_url."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    await check_unreachable(seat, f"http://localhost:9{seat.path}", "is not known. Is base_url")


@pytest.mark.parametrize(
    ("answer", "said", "seconds"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "No secure connection to https://127.0.0.1:", 5.0),
        (b"", "No connection to https://127.0.0.1:", 0.1),
    ],
    ids=["answers in the clear", "waits"],
)
async def test_https_to_a_server_without_it(
    seat: Seat, answer: bytes, said: str, seconds: float
) -> None:
    """A server that knows no TLS, whether it answers in the clear or waits, is no hang."""

    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(cast("asyncio.Task[None]", asyncio.current_task()))
        await reader.read(1)
        writer.write(answer)
        with suppress(ConnectionError):
            while await reader.read(4096):
                pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        url = f"https://127.0.0.1:{port}{seat.path}"
        await check_unreachable(seat, url, said, connect_timeout_s=seconds)
        await asyncio.wait_for(asyncio.gather(*serving), PATIENCE_S)


# --- a whole team ------------------------------------------------------------------------------


BROKEN: Mapping[str, tuple[str, int]] = {
    "hurried": ("wait in seconds", 3),
    "busy": ("overloaded at once", 3),
    "cut": ("cut within the text", 3),
    "garbled": ("arguments that are no JSON", 3),
    "locked": ("wrong key", 1),
    "poor": ("quota used up", 1),
    "late": ("wait for too long", 1),
}
"""Agent -> its fault, and how many requests it makes before it is out."""


async def test_team_with_broken_agents(seat: Seat, board: Board) -> None:
    """Agents whose provider fails are out, after as many requests as fit; the others settle."""
    models = {f"{seat.model}-{agent}": FAULTS[fault] for agent, (fault, _) in BROKEN.items()}

    def play(request: Request) -> Said:
        fault = models.get(request.model)
        return brain(request) if fault is None else fault.play(request)

    board.set(play)
    backends = {
        agent: seat.open(board.server.origin, model=f"{seat.model}-{agent}") for agent in BROKEN
    }
    agents = [Agent(agent, backend) for agent, backend in backends.items()]
    team = Team([*agents, Agent("bob", seat.open(board.server.origin))], Policy(final="reuse"))
    async with asyncio.timeout(PATIENCE_S), team:
        result = await team.arun("Why do rivers rise?")
    assert result.winner == "bob"
    sent = Counter(request.model for request in board.server.requests)
    for agent, (fault, requests) in BROKEN.items():
        assert result.failures[agent].kind == FAULTS[fault].kind_at(seat.provider)
        assert sent[f"{seat.model}-{agent}"] == requests
    assert KEY not in repr(result) + str(result.to_dict())
    await board.check()


async def test_team_that_recovers(seat: Seat, board: Board) -> None:
    """Providers that fail once cost a request each, and nothing else."""
    faults = ("wait in seconds", "cut within the text", "arguments that are no JSON")
    left = {f"{seat.model}-{number}": FAULTS[name] for number, name in enumerate(faults)}

    def play(request: Request) -> Said:
        fault = left.pop(request.model, None)
        return brain(request) if fault is None else fault.play(request)

    board.set(play)
    origin = board.server.origin
    team = Team([Agent(f"a{at}", seat.open(origin, model=m)) for at, m in enumerate(left)])
    async with asyncio.timeout(PATIENCE_S), team:
        result = await team.arun("Why do rivers rise?")
    assert result.outcome == "settled"
    assert result.failures == {}
    assert len(result.votes) == len(faults)
    assert "rivers rise when it rains" in result.require_answer()
    await board.check()


# --- the table ---------------------------------------------------------------------------------


def test_the_table_is_long_enough() -> None:
    """Five providers, each against forty faults and more, what is no fault not counted."""
    faults = [name for name, fault in FAULTS.items() if fault.kind is not None]
    assert len(SEATS) == 5
    assert len(faults) >= 40
