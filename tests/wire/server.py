"""A server on this machine that says, and breaks, what a test wants, in four protocols.

    async with LoopbackServer([WireTurn(text="Hello"), HttpError(status=429)]) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="k")

It runs on an event loop of its own, in a thread: it outlives the loops of a test, and it sees a
client hang up also while the test's loop is busy. Times are `time.perf_counter()`.

| path | protocol |
|---|---|
| `{base_url}/chat/completions` | `chat` |
| `{base_url}/responses` | `responses` |
| `{origin}/v1/messages` | `messages` |
| `{origin}/v1beta/models/{model}:streamGenerateContent?alt=sse` (also `v1`) | `gemini` |
| `{origin}/xai/v1/...` | `chat` and `responses` |
"""
# ruff: noqa: ASYNC109, ASYNC110 - a timeout reads better as an argument, and the server is a thread

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

from .reply import End as End
from .reply import Frame as Frame
from .reply import Refused, Reply, Request
from .reply import silence as silence
from .routes import protocol_of, route
from .turn import HttpError, WireTurn

T = TypeVar("T")

Said = Reply | WireTurn | HttpError
Script = Sequence[Said] | Mapping[str, Sequence[Said]] | Callable[[Request], Said]


class LoopbackServer:
    """The server; a context manager, with `async with` as well as `with`.

    Args:
        script: The replies in order, the last one again and again; or replies by model; or a
            function from the request to the reply.
        port: The port; 0 for any that is free.

    A request that the provider would not take is refused instead, as the provider refuses it.
    """

    def __init__(self, script: Script, *, port: int = 0) -> None:
        self._script = script
        self._port = port
        self._played: dict[str, int] = {}
        self.requests: list[Request] = []
        """All requests so far."""
        self.refused: list[Refused] = []
        """Why requests were refused, so far."""
        self.connections = 0
        """Connections that are open."""
        self.connections_made = 0
        """Connections that were ever opened."""
        self.origin = ""
        """The server's URL without a path."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started: asyncio.Server | None = None
        self._hung_up: asyncio.Queue[Request] = asyncio.Queue()
        self._broken: list[Exception] = []

    @property
    def base_url(self) -> str:
        """The URL for OpenAI's SDK."""
        return f"{self.origin}/v1"

    # --- for tests ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start the server."""
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        """Stop the server and cut all connections."""
        self.__exit__()

    def __enter__(self) -> Self:
        """Start the server."""
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop the server and cut all connections."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._broken:
            raise self._broken[0]

    async def disconnected(self, timeout: float) -> float:
        """Return when the next client hung up in the middle of a reply.

        Raises:
            TimeoutError: When none does within `timeout` seconds.
        """
        future = asyncio.run_coroutine_threadsafe(self._next_hang_up(timeout), self._loop)
        return await asyncio.wrap_future(future)

    async def received(self, count: int = 1, timeout: float = 5.0) -> Request:
        """Return the `count`-th request, once it is there."""
        async with asyncio.timeout(timeout):
            while len(self.requests) < count:
                await asyncio.sleep(0.001)
        return self.requests[count - 1]

    async def idle(self, timeout: float = 1.0) -> None:
        """Return once no connection is open."""
        async with asyncio.timeout(timeout):
            while self.connections:
                await asyncio.sleep(0.001)

    # --- the server --------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coro: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result(timeout=5)

    async def _start(self) -> None:
        self._started = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        port = self._started.sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"

    async def _stop(self) -> None:
        assert self._started is not None
        self._started.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next_hang_up(self, timeout: float) -> float:
        async with asyncio.timeout(timeout):
            request = await self._hung_up.get()
        assert request.disconnected_at is not None
        return request.disconnected_at

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.connections_made += 1
        try:
            await self._serve_requests(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the test has ended it
        except Exception as exc:  # a mistake in the script: raised where the test sees it
            self._broken.append(exc)
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def _serve_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = await reader.read(1)
        while first:
            request = await _read_request(first, reader)
            request.number = len(self.requests) + 1
            self.requests.append(request)
            # One byte is read ahead: nothing comes before the reply is complete, except the end.
            ahead = asyncio.create_task(reader.read(1))
            sending = asyncio.create_task(_send(self._reply(request), writer))
            await asyncio.wait({ahead, sending}, return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            try:
                reusable = await sending
                if reusable:
                    self._answered(request)
            except (ConnectionError, asyncio.CancelledError):
                request.disconnected_at = time.perf_counter()
                self._hung_up.put_nowait(request)
                reusable = False
            if not reusable:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
                return
            first = await ahead

    def _answered(self, request: Request) -> None:
        """Note that the whole reply to a request has been sent."""
        request.answered_at = time.perf_counter()

    def _reply(self, request: Request) -> Reply:
        protocol = protocol_of(request)
        wrong = protocol.problem(request)
        if wrong is not None:
            wrong = wrong if isinstance(wrong, Refused) else Refused(wrong)
            self.refused.append(wrong)
            return protocol.http_error(HttpError(status=wrong.status, message=wrong))
        said = self._said(request)
        if isinstance(said, WireTurn):
            said = protocol.encode(said, request)
        elif isinstance(said, HttpError):
            said = protocol.http_error(said)
        return protocol.finish(said, request)

    def _said(self, request: Request) -> Said:
        if callable(self._script):
            return self._script(request)
        model = ""
        replies = self._script
        if isinstance(replies, Mapping):
            model = request.model
            replies = replies[model]
        number = self._played.get(model, 0)
        self._played[model] = number + 1
        return replies[min(number, len(replies) - 1)]


async def _read_request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    request = Request(
        path=start.split(" ")[1],
        headers=headers,
        body=json.loads(content) if content else None,
        came_at=time.perf_counter(),
    )
    request.protocol, request.model = route(request)
    return request


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """Send the reply, and return whether the connection can be used again."""
    await asyncio.sleep(reply.delay_s)
    if reply.status is not None:
        length = {"Transfer-Encoding": "chunked"}
        if reply.body is not None:
            length = {"Content-Length": str(len(reply.body))}
        content_type = "text/event-stream" if reply.body is None else "application/json"
        headers = {"Content-Type": content_type, **length, **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Said", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (reply.body or b""))
        await writer.drain()
        if reply.body is not None:
            return True
    for frame in (*reply.frames, *(reply.closing if reply.end == "done" else ())):
        if isinstance(frame, float):
            await asyncio.sleep(frame)
        else:
            await _send_chunk(_event(frame, reply.newline), writer)
    if reply.end == "stall":
        await asyncio.Event().wait()
    if reply.end == "drop":
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _event(frame: Mapping[str, Any] | bytes, newline: str) -> bytes:
    """Return a frame as a server-sent event, with its name where it has a type."""
    if isinstance(frame, bytes):
        return frame
    name = f"event: {frame['type']}{newline}" if "type" in frame else ""
    return f"{name}data: {json.dumps(frame)}{newline}{newline}".encode()


async def _send_chunk(content: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(content), content))
    await writer.drain()
    await asyncio.sleep(0)
