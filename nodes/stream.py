"""The node adapter: the only place where StreamChunks become state.

One call: open the stream (again, as the retry policy allows), fold what comes into a turn, say
what happens as events, and let `race` decide how it ends.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphBubbleUp

from ..backends.base import LLMBackend, ToolSchema
from ..backends.chunks import DoneChunk, ErrorChunk, StreamChunk, UsageChunk, first_said
from ..backends.errors import BackendError, BackendTimeoutError, StoreError, as_backend_error
from ..backends.fold import Turn
from ..backends.reply import ReplyTape, StoredReply
from ..backends.retry import RetryPolicy, retrying
from .call_end import CallEnd
from .journal import Slot
from .ledger import Account, Refusal
from .listener import Listener, Telling
from .live import LiveRun
from .log_line import LogLine
from .meter import Meter
from .race import Stop, Watch, check_not_stopped, race
from .state import Usage, no_usage

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage


logger = logging.getLogger("massgraph.call")


@dataclass(slots=True)
class Request:
    """One call to make.

    Args:
        backend: Whom to ask.
        messages: The conversation.
        tools: What may be called.
        listener: Who is told.
        requests: Requests at most, until the first chunk is there.
        seed: For the random part of the waits between requests.
        delay_s: Seconds to wait before the first request.
        params: Parameters of this call; see `LLMBackend.stream_with_tools`.
        account: Who pays; None where nobody counts.
        slot: Where its reply is stored, or stands already; None where none is.
    """

    backend: LLMBackend
    messages: Sequence[AnyMessage]
    tools: Sequence[ToolSchema]
    listener: Listener
    requests: int = 1
    seed: str = ""
    delay_s: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)
    account: Account | None = None
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended.

    Args:
        end: A turn, an error, or why it was stopped or refused.
        usage: What it used.
        replayed: Whether its reply was stored, and nobody was asked.
    """

    end: Turn | BackendError | Stop | Refusal
    usage: Usage
    replayed: bool = False


def wait_before_next(error: BackendError, tries: int, seed: str) -> float | None:
    """Return the seconds to wait before a call that broke is tried again; None for never.

    Args:
        error: How it broke.
        tries: How many tries have failed, this one included.
        seed: Where the random part of the wait comes from.
    """
    policy = RetryPolicy()
    if not policy.retries(error):
        return None
    if isinstance(error, BackendTimeoutError) and error.retry_after is None:
        return 0.0  # there has been silence enough
    return policy.delay(tries, error, random.Random(seed))


class Call:
    """A call while it runs."""

    def __init__(self, request: Request, watch: Watch, live: LiveRun) -> None:
        self._request = request
        self._watch = watch
        self._live = live
        self._meter = Meter(request.backend)
        self._telling = Telling(request.listener)
        self._tape = ReplyTape(lambda: live.now) if request.slot is not None else None
        self._began = 0.0

    @property
    def retries(self) -> int:
        """How many extra requests it took so far."""
        return self._meter.retries

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the tools whose calls have begun."""
        return self._meter.fold.called

    @property
    def stopped_usage(self) -> Usage:
        """What the call has used, if it is cut now."""
        return self._meter.stopped

    async def run(self) -> Reply:
        """Run the call to its end, and tell it; an error of the provider is an end like any other.

        What it will probably use is reserved before it goes out, where it has an account. A call
        whose reply is stored does not go out again: it was paid for.
        """
        try:
            with self._live.waiting():  # for its reply, and for the disk
                reply = await self._paid()
        except BaseException:
            self._tell_end(None, self._meter.stopped)
            raise
        self._tell_end(reply.end, reply.usage, replayed=reply.replayed)
        return reply

    def _tell_end(self, end: object, usage: Usage, *, replayed: bool = False) -> None:
        """Tell how the call ended; one that never began is none."""
        if self._meter.began:
            took = self._live.now - self._began
            told = CallEnd.of(end, usage, seconds=took, replayed=replayed)
            self._request.listener.ended(told)

    async def _paid(self) -> Reply:
        request, account = self._request, self._request.account
        stored = await request.slot.find() if request.slot is not None else None
        if stored is not None:
            return self._replayed(stored)
        stopped = self._watch.stop(self._live.now)
        if stopped is not None or account is None:
            return Reply(stopped, no_usage()) if stopped is not None else await self._sent()
        held = account.reserve(request.backend, request.messages, request.tools)
        if isinstance(held, Refusal):
            return Reply(held, no_usage())
        try:
            reply = await self._sent()
        except BaseException:
            account.settle(held, self._meter.stopped)
            raise
        account.settle(held, reply.usage)
        return reply

    async def _sent(self) -> Reply:
        """Send the call, and store how it broke, if it did: that was paid for, too."""
        reply = await self._raced()
        if isinstance(reply.end, BackendError) and self._meter.began and self._tape is not None:
            self._tape.take(ErrorChunk(reply.end))
            await self._store(stopped=bool(reply.usage["stopped"]))
        return reply

    async def _raced(self) -> Reply:
        # Set before the race begins, whose first look tells when the next one is due.
        began = self._live.now
        self._watch.heard = began + self._request.delay_s
        try:
            end = await race(self._work, self._watch, self._live)
        except (GraphBubbleUp, StoreError):
            raise  # LangGraph's own control flow, from a nested graph; a run that can't be kept
        except Exception as exc:  # whatever an adapter raises is its agent's affair alone
            return Reply(as_backend_error(exc), self._meter.wasted)
        match end:
            case "idle":
                silent = f"The provider was silent for {self._watch.idle_s:g} s."
                return Reply(BackendTimeoutError(silent), self._meter.stopped)
            case "call":
                slow = f"The call took longer than {self._watch.call - began:g} s."
                return Reply(BackendTimeoutError(slow), self._meter.stopped)
            case str():
                return Reply(end, self._meter.stopped)
            case Turn():
                return Reply(end, self._meter.usage)

    def _replayed(self, stored: StoredReply) -> Reply:
        """Return the reply that is stored; it is told like any other, and as wrong as it was."""
        self._began = self._live.now
        self._meter = meter = Meter(self._request.backend, stored)
        try:
            for said in stored.said:
                self._hear(said.chunk)
            self._telling.flush()
            reply = Reply(meter.fold.turn(), meter.usage, replayed=True)
        except Exception as exc:
            usage = meter.broken(stopped=stored.stopped)
            reply = Reply(as_backend_error(exc), usage, replayed=True)
        if self._request.account is not None:
            self._request.account.spend(reply.usage)
        return reply

    async def _work(self) -> Turn:
        if self._request.delay_s:
            await asyncio.sleep(self._request.delay_s)
        self._began, self._meter.began = self._live.now, True
        backend = self._request.backend
        logger.debug(LogLine("call begun", provider=backend.provider_name, model=backend.model))
        self._heard()
        policy = RetryPolicy(requests=self._request.requests)
        first, stream = await retrying(
            self._open, policy, rng=random.Random(self._request.seed), on_retry=self._on_retry
        )
        async with aclosing(stream):
            self._take(first)
            async for chunk in stream:
                self._take(chunk)
                if isinstance(chunk, DoneChunk):
                    await self._store()
                    break
        self._telling.flush()
        return self._meter.fold.turn()

    async def _store(self, *, stopped: bool = False) -> None:
        """Store the reply before anybody acts on it; a second time changes nothing."""
        if self._request.slot is not None and self._tape is not None:
            reply = self._tape.reply(retries=self._meter.retries, lost=self._meter.lost)
            self._watch.heard = math.inf  # a slow disk is no silence of the provider's
            await self._request.slot.store(replace(reply, stopped=stopped))

    async def _open(self) -> tuple[StreamChunk, _Stream]:
        request = self._request
        stream = _Stream(
            request.backend.stream_with_tools(request.messages, request.tools, **request.params)
        )
        try:
            first = await first_said(stream, self._take)
        except BaseException:
            await stream.aclose()
            check_not_stopped()  # or what the provider made of it would be tried again
            raise
        return first, stream

    def _on_retry(self, error: BackendError, wait_s: float) -> None:
        self._watch.heard = self._live.now + wait_s
        self._telling.again(str(error), wait_s)
        self._meter.again()
        if self._tape is not None:
            self._tape.again()

    def _heard(self) -> None:
        self._watch.heard = self._live.now

    def _take(self, chunk: StreamChunk) -> None:
        check_not_stopped()
        self._heard()
        if self._tape is not None:
            self._tape.take(self._with_price(chunk))
        self._hear(chunk)

    def _with_price(self, chunk: StreamChunk) -> StreamChunk:
        """Return the chunk as it is stored: what a call has cost is known now, not for ever."""
        if isinstance(chunk, UsageChunk):
            return UsageChunk(self._request.backend.priced(chunk.usage))
        return chunk

    def _hear(self, chunk: StreamChunk) -> None:
        self._meter.fold.add(chunk)
        self._telling.tell(chunk, self._meter.fold.writing)


class _Stream:
    """A backend's stream that can be closed whether or not it is a generator."""

    def __init__(self, stream: AsyncIterator[StreamChunk]) -> None:
        self._stream = stream

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> StreamChunk:
        return await anext(self._stream)

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def deadline(start: float, seconds: float | None) -> float:
    """Return when something that may take `seconds` from `start` is over; never, for None."""
    return math.inf if seconds is None else start + seconds
