"""The engine of the embedded model: llama.cpp in this process, one for each model file.

All backends of one file share an engine. It is loaded for the first of them, in a thread of its
own, and shut down with the last. A call runs in one of the engine's own threads, one a slot;
further calls queue before they reach the engine, where they can be cancelled.

What the engine cannot do otherwise: it holds the interpreter's lock while it loads (about half a
second for the bundled model) and while it closes (40 ms); it listens on a port of 127.0.0.1, which
nobody uses and a random key guards; and llama.cpp's logger keeps one idle thread (not a Python
thread) until the process ends.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from ..errors import (
    BackendConnectionError,
    BackendError,
    BadRequestError,
    InternalBackendError,
    OverloadedError,
    UserError,
)
from .model import engine_import_error

Chunk = Mapping[str, Any]
"""A `chat.completion.chunk` of the engine, or `{"error": ...}`."""

_BATCH = 64
"""Prompt tokens a step: a call can be stopped, and others go on, between two steps (0.4 s)."""
_QUEUE_BEAT_S = 5.0
"""How often a call that waits for a slot gives a sign of life."""


class Server(Protocol):
    """What is used of the engine's server."""

    def handle_chat_completions(
        self, prompt: dict[str, Any], callback: Callable[[Chunk], bool]
    ) -> None:
        """Answer one request, blocking; the callback gets the chunks and returns True to stop."""

    def handle_metrics(self) -> str:
        """Return figures of the running main loop, blocking until it runs."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What makes two engines different ones.

    Args:
        path: The model file.
        context_tokens: Tokens of prompt and reply together, for each call.
    """

    path: Path
    context_tokens: int


class Engine:
    """A loaded model with a number of slots; `close` it once."""

    def __init__(self, settings: EngineSettings, slots: int) -> None:
        self._server: Server | None = _load(settings, slots)
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="massgraph-local")
        self._running: set[_Call] = set()
        self._closing = False

    @property
    def running(self) -> int:
        """How many calls hold a slot now."""
        return len(self._running)

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[Chunk | None]:
        """Answer one chat completion.

        Args:
            body: The request, as of the OpenAI wire; `stream` is set.

        Yields:
            The engine's chunks, and None now and then while the call waits for a slot.

        Raises:
            BackendError: When the engine refuses the request or breaks.
        """
        call = _Call(asyncio.get_running_loop())
        future = self._submit(body, call)
        try:
            while not isinstance(item := await call.next(), Future):
                if item is not None and "error" in item:
                    raise _error(item["error"])
                yield item
            _raise_failure(item)
        finally:
            call.stopped = True
            future.cancel()

    def _submit(self, body: dict[str, Any], call: _Call) -> Future[None]:
        try:
            future = self._pool.submit(self._answer, body, call)
        except RuntimeError as exc:
            raise BackendConnectionError("The engine is closed.") from exc
        future.add_done_callback(call.put)
        return future

    def _answer(self, body: dict[str, Any], call: _Call) -> None:
        def take(chunk: Chunk) -> bool:
            call.put(chunk)
            return call.stopped or self._closing

        call.queued = False
        self._running.add(call)
        try:
            if self._server is not None and not call.stopped:
                self._server.handle_chat_completions({**body, "stream": True}, take)
        finally:
            self._running.discard(call)
        if self._closing:
            raise BackendConnectionError("The engine was closed while the model was writing.")

    def close(self) -> None:
        """Stop the calls, wait for them, and free the model; blocks up to a second."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._server = None  # the server ends with its last reference; no call holds one now


class _Call:
    """One call between the thread that runs it and the loop that reads it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: asyncio.Queue[Chunk | Future[None]] = asyncio.Queue()
        self.queued = True
        self.stopped = False

    def put(self, item: Chunk | Future[None]) -> None:
        """Hand over a chunk, or at the end the call's future; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:  # the loop was closed: nobody reads any more
            self.stopped = True

    async def next(self) -> Chunk | Future[None] | None:
        """Return what comes next; None when the call has been waiting for a slot for a while."""
        while self.queued and self._items.empty():
            with suppress(TimeoutError):
                async with asyncio.timeout(_QUEUE_BEAT_S):
                    return await self._items.get()
            if self.queued:
                return None
        return await self._items.get()


def _load(settings: EngineSettings, slots: int) -> Server:
    # Read before the library starts. With the defaults its threads spin, and on a busy machine
    # with two cores the model falls to under one token a second.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    try:
        library = importlib.import_module("xllamacpp")
    except ImportError as exc:
        raise engine_import_error(exc) from exc
    _read_ahead(settings.path)
    params = library.CommonParams()
    params.model.path = str(settings.path)
    params.n_parallel = slots
    params.n_ctx = slots * settings.context_tokens
    params.n_batch = params.n_ubatch = max(_BATCH, slots)
    params.cpuparams.n_threads = min(4, _cores())
    params.port, params.n_threads_http, params.api_keys = 0, 1, [secrets.token_hex(32)]
    params.ui, params.offline, params.verbosity = False, True, 0
    params.use_jinja, params.prefill_assistant, params.cache_ram_mib = True, False, 0
    params.warmup = params.fit_params = False  # each would double the time to load
    params.endpoint_metrics = True
    try:
        server = cast("Server", library.Server(params))
    except RuntimeError as exc:
        raise UserError(
            f"The engine cannot load {str(settings.path)!r}.",
            hint="Is it a whole GGUF file of a chat model, and is there memory enough?",
        ) from exc
    # The server is handed out before its main loop runs. Closed at that moment it would miss the
    # signal and wait for ever, holding the interpreter's lock: so wait for the loop's first word.
    server.handle_metrics()
    return server


def _read_ahead(path: Path) -> None:
    """Have the system cache the file, so that the load, which blocks all threads, is short."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _raise_failure(call: Future[None]) -> None:
    if call.cancelled():
        raise BackendConnectionError("The engine was closed before it came to this call.")
    exc = call.exception()
    if isinstance(exc, ValueError):
        raise BadRequestError(f"The engine does not take the request: {exc}") from exc
    if exc is not None:
        raise exc


def _error(error: Mapping[str, Any]) -> BackendError:
    kind, message, code = error.get("type"), str(error.get("message", "")), error.get("code")
    if kind == "exceed_context_size_error":
        return BadRequestError(
            f"The prompt has {error.get('n_prompt_tokens')} tokens, "
            f"and the model's context holds {error.get('n_ctx')}."
        )
    first_line = message.partition("\n")[0]
    if kind == "unavailable_error" or code == 503:
        return OverloadedError(first_line)
    if isinstance(code, int) and 400 <= code < 500:
        return BadRequestError(first_line, status=code)
    return InternalBackendError(f"The engine failed: {first_line or kind}")
