"""A cassette: what is recorded, and what is said when it cannot be played."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from massgraph.backends.base import LLMBackend
from massgraph.backends.cassette import RecordBackend, ReplayBackend
from massgraph.backends.chunks import (
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    UsageChunk,
)
from massgraph.backends.errors import (
    AuthError,
    BackendError,
    InternalBackendError,
    MissingError,
    OverloadedError,
    StoreError,
    UserError,
)
from massgraph.backends.registry import build_backend
from massgraph.backends.usage import TokenUsage

from ..vloop import run_virtual
from ..wire.server import LoopbackServer
from ..wire.turn import HttpError, WireTurn

QUESTION = [HumanMessage("Which is larger, 9.11 or 9.9?")]
USAGE = TokenUsage(1000, 100)


class Speaker(LLMBackend):
    """Says what it is given: a chunk, an exception that is raised, or a number of seconds."""

    def __init__(self, *said: StreamChunk | Exception | float) -> None:
        super().__init__()
        self.model = "m"
        self.brief_prompts = True
        self.takes_tool_choice = True
        self.longest_reply = 77
        self.unsent = {"temperature": "It does not take it."}
        self.closed = self.prepared = 0
        self._said = said

    @property
    def provider_name(self) -> str:
        return "speaker"

    @property
    def supported_builtin_tools(self) -> frozenset[Any]:
        return frozenset({"web_search"})

    async def prepare(self) -> None:
        self.prepared += 1

    async def aclose(self) -> None:
        self.closed += 1

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        return usage.input_tokens * 2e-6 + usage.output_tokens * 1e-5

    async def stream_with_tools(
        self, messages: Sequence[Any], tools: Sequence[Any], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        for said in self._said:
            match said:
                case Exception():
                    raise said
                case float():
                    await asyncio.sleep(said)
                case _:
                    yield said


async def ask(backend: LLMBackend) -> list[StreamChunk]:
    """Return what a backend says."""
    return [chunk async for chunk in backend.stream_with_tools(QUESTION, ())]


def taped(path: Path, *said: StreamChunk | Exception | float) -> Path:
    """Record one call, of `a`."""

    async def record() -> None:
        backend = RecordBackend(Speaker(*said), path, "a")
        try:
            await ask(backend)
        except Exception:
            assert any(isinstance(one, Exception) for one in said)
        await backend.aclose()

    run_virtual(record())
    return path


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Return a cassette with one call, of `a`."""
    return taped(tmp_path / "c", ContentChunk("9.9"), 2.0, UsageChunk(USAGE), DoneChunk())


def test_recording_changes_nothing(tmp_path: Path) -> None:
    """It is the backend inside in everything: what it is, what it says, what is done with it."""
    said = (ContentChunk("a"), CompleteResponseChunk(object()), UsageChunk(USAGE), DoneChunk())
    inner = Speaker(*said)
    backend = RecordBackend(inner, tmp_path / "c", "a")

    async def use() -> list[StreamChunk]:
        await backend.prepare()
        chunks = await ask(backend)
        await backend.aclose()
        return chunks

    assert tuple(run_virtual(use())) == said
    assert (inner.prepared, inner.closed) == (1, 1)
    assert backend.account == inner.account
    assert (backend.model, backend.provider_name) == ("m", "speaker")
    assert backend.calculate_cost(USAGE) == inner.calculate_cost(USAGE)


def test_a_replay_is_who_was_recorded(tape: Path) -> None:
    """Its name, model, prompts, tools, limits and prices are those of the recorded backend."""
    inner, backend = Speaker(), ReplayBackend(tape, "a")
    assert (backend.provider_name, backend.model) == ("speaker", "m")
    assert (backend.brief_prompts, backend.longest_reply) == (True, 77)
    assert (backend.takes_tool_choice, backend.takes_output_schema) == (True, False)
    assert (backend.unsent, backend.supported_builtin_tools) == (inner.unsent, {"web_search"})
    assert backend.estimate_cost(300, 50) == pytest.approx(inner.estimate_cost(300, 50))
    run_virtual(ask(backend))
    assert backend.token_usage.input_tokens == USAGE.input_tokens
    assert backend.token_usage.estimated_cost == inner.calculate_cost(USAGE)


@pytest.mark.parametrize(("speed", "seconds"), [(0.0, 0.0), (1.0, 2.0), (4.0, 0.5)])
def test_speed(speed: float, seconds: float, tape: Path) -> None:
    """1 is as it was, 4 four times as fast, and 0 at once."""

    async def timed() -> float:
        began = asyncio.get_running_loop().time()
        await ask(ReplayBackend(tape, "a", speed))
        return asyncio.get_running_loop().time() - began

    assert run_virtual(timed()) == pytest.approx(seconds, abs=1e-6)


def test_it_is_stored_before_its_end_is_told(tmp_path: Path) -> None:
    """Whoever hears `done` may rely on it."""

    async def listen() -> None:
        backend = RecordBackend(Speaker(ContentChunk("a"), DoneChunk()), tmp_path / "c", "a")
        stream = backend.stream_with_tools(QUESTION, ())
        assert await anext(stream) == ContentChunk("a")
        assert not (tmp_path / "c").exists()
        assert await anext(stream) == DoneChunk()
        assert await ask(ReplayBackend(tmp_path / "c", "a")) == [ContentChunk("a"), DoneChunk()]
        await stream.aclose()  # type: ignore[attr-defined]

    run_virtual(listen())


BUSY = OverloadedError("Come back later.", retry_after=3.0, status=503)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((ContentChunk("a"), ErrorChunk(BUSY)), BUSY),
        ((ContentChunk("a"), BUSY), BUSY),
        ((ContentChunk("a"), ValueError("oops")), InternalBackendError("ValueError: oops")),
    ],
)
def test_errors_are_recorded(said: tuple[Any, ...], told: BackendError, tmp_path: Path) -> None:
    """Said or raised, an error is played as it was, pause and status included."""
    first, last = run_virtual(ask(ReplayBackend(taped(tmp_path / "c", *said), "a")))
    assert first == ContentChunk("a")
    assert isinstance(last, ErrorChunk)
    assert (type(last.error), str(last.error)) == (type(told), str(told))
    assert (last.error.retry_after, last.error.status) == (told.retry_after, told.status)


def test_a_stream_without_an_end(tmp_path: Path) -> None:
    """A stream that just ends is played as the failure that it is."""
    [*_, last] = run_virtual(ask(ReplayBackend(taped(tmp_path / "c", ContentChunk("a")), "a")))
    assert isinstance(last, ErrorChunk)
    assert last.error.kind == "incomplete_stream"


def test_one_who_was_stopped_is_silent(tmp_path: Path) -> None:
    """It says what it had said, then nothing until it is stopped; the next call is the next one."""

    async def record() -> None:
        backend = RecordBackend(
            Speaker(ReasoningChunk("hm"), 5.0, DoneChunk()), tmp_path / "c", "a"
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(backend), 1.0)
        await ask(backend)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(backend), 1.0)
        await backend.aclose()

    async def play() -> None:
        backend = ReplayBackend(tmp_path / "c", "a")
        for number in range(2):
            stream = backend.stream_with_tools(QUESTION, ())
            assert await anext(stream) == ReasoningChunk("hm")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 1000.0)
            if number == 0:
                assert await ask(backend) == [ReasoningChunk("hm"), DoneChunk()]

    run_virtual(record())
    run_virtual(play())


def test_one_call_too_many(tape: Path) -> None:
    """A run that asks more than was recorded is told so, in one line."""
    backend = ReplayBackend(tape, "a")

    async def twice() -> None:
        await ask(backend)
        await ask(backend)

    with pytest.raises(InternalBackendError, match=r"has 1 calls of 'a', and this is one more"):
        run_virtual(twice())


def test_what_was_recorded_is_not_lost(tape: Path) -> None:
    """A second recording of the same seat is refused, another seat is added."""
    with pytest.raises(UserError, match=r"has 'a' already. Remove the file, or record to another"):
        RecordBackend(Speaker(), tape, "a")
    run_virtual(ask(RecordBackend(Speaker(ContentChunk("b"), DoneChunk()), tape, "b")))
    assert run_virtual(ask(ReplayBackend(tape, "b"))) == [ContentChunk("b"), DoneChunk()]
    assert len(run_virtual(ask(ReplayBackend(tape, "a")))) == 3


def test_two_who_record_one_seat(tmp_path: Path) -> None:
    """Two teams that record to one file at the same time are told; neither is mixed in."""
    one, other = (RecordBackend(Speaker(DoneChunk()), tmp_path / "c", "a") for _ in range(2))
    run_virtual(ask(one))
    with pytest.raises(StoreError, match="has call 1 of 'a'"):
        run_virtual(ask(other))


def refusal(path: Path, name: str = "a", **more: Any) -> str:
    """Return what a replay is refused with."""
    with pytest.raises(UserError) as caught:
        ReplayBackend(path, name, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_mistakes(tape: Path, tmp_path: Path) -> None:
    """What is not there is said when it is built, in one line."""
    (tmp_path / "text").write_text("a song")
    (tmp_path / "empty").touch()
    sqlite3.connect(tmp_path / "other").close()
    assert refusal(tape, "bob").endswith("has no 'bob'; it has: a.")
    assert "Is it a run's database?" not in refusal(tape, "bob")
    assert "no replies of a thread 't'" in refusal(tape, thread="t")
    assert "file is not a database" in refusal(tmp_path / "text")
    assert "is no cassette" in refusal(tmp_path / "empty")
    with pytest.raises(MissingError, match=r"There is no cassette '.*none'"):
        ReplayBackend(tmp_path / "none", "a")
    with pytest.raises(UserError, match=r"folder of the cassette .* does not exist"):
        RecordBackend(Speaker(), tmp_path / "no" / "c", "a")
    with pytest.raises(UserError, match="is no cassette; give another one"):
        RecordBackend(Speaker(), tmp_path / "empty", "a")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE massgraph_replies SET body = replace(body, '9.9', '9.8')",
        "UPDATE massgraph_replies SET number = 2 WHERE number = 1",
        "UPDATE massgraph_replies SET body = x'00'",
        "DELETE FROM massgraph_replies",
        "DELETE FROM massgraph_heads",
        "UPDATE massgraph_heads SET replies = 2",
        "UPDATE massgraph_seats SET body = replace(body, 'speaker', 'claude')",
        "DROP TABLE massgraph_heads",
    ],
)
def test_damage_is_said(damage: str, tape: Path) -> None:
    """Whatever was changed or lost, nothing is played."""
    with sqlite3.connect(tape) as conn:
        conn.execute(damage)
    conn.close()
    assert "cannot be used" in refusal(tape)


def test_a_flipped_bit_is_never_played(tape: Path) -> None:
    """Wherever the file is damaged, it is refused, or it plays what was recorded."""
    whole, refused = tape.read_bytes(), 0
    [first, *_] = run_virtual(ask(ReplayBackend(tape, "a")))
    for at in range(3, len(whole), 97):
        tape.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            backend = ReplayBackend(tape, "a")
        except UserError:
            refused += 1
            continue
        assert run_virtual(ask(backend))[0] == first
    assert refused > 5
    for size in range(1, len(whole), 4096):
        tape.write_bytes(whole[:size])
        assert refusal(tape)


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Files and threads are gone with each call, on a real loop."""

    async def use() -> None:
        backend = RecordBackend(Speaker(ContentChunk("a"), DoneChunk()), tmp_path / "c", "a")
        for _ in range(3):
            await ask(backend)
        await backend.aclose()
        for _ in range(3):
            ReplayBackend(tmp_path / "c", "a")

    asyncio.run(use())
    before, threads = set(Path("/proc/self/fd").iterdir()), threading.active_count()
    (tmp_path / "c").unlink()
    asyncio.run(use())
    assert len(set(Path("/proc/self/fd").iterdir())) == len(before)
    assert threading.active_count() == threads


CANARY = "canary-0b5e-key"


def test_no_key_gets_into_a_cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the environment, nor of a header, nor of what a server says of it."""
    monkeypatch.setenv("KEY_OF_A_TEST", CANARY)
    headers = {"X-Gate": f"Bearer {CANARY}2"}
    said = [HttpError(status=401, message=f"Not {CANARY}, nor {CANARY}2."), WireTurn(text="Yes.")]

    async def use(server: LoopbackServer) -> None:
        inner = build_backend(
            "chat_completions:m",
            base_url=server.base_url,
            api_key_env="KEY_OF_A_TEST",
            extra_headers=headers,
        )
        backend = RecordBackend(inner, tmp_path / "c", "a")
        with pytest.raises(AuthError):
            await ask(backend)
        await ask(backend)
        await backend.aclose()

    with LoopbackServer(said) as server:
        asyncio.run(use(server))
    stored = (tmp_path / "c").read_bytes()
    assert b"Yes." in stored
    assert b"redacted" in stored
    assert CANARY.encode() not in stored
