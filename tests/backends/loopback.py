"""An OpenAI-compatible server on this machine that says, and breaks, what a test wants.

    async with LoopbackServer([text("Hello"), http_error(429, retry_after=2)]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)

It runs on an event loop of its own, in a thread: it outlives the loops of a test, and it sees a
client hang up also while the test's loop is busy. Times are `time.perf_counter()`.
"""
# ruff: noqa: ASYNC109, ASYNC110 - a timeout reads better as an argument, and the server is a thread

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")

End = Literal["done", "eof", "drop", "stall"]
"""How a stream ends: with its marker, cleanly but without it, cut off, or never."""
Frame = Mapping[str, Any] | bytes | float
"""A JSON frame, bytes as they are, or a pause in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server sends to one request.

    Args:
        status: The HTTP status; None sends no status line, so that the server is silent.
        headers: Headers, over the usual ones.
        body: The whole body of a reply that is no stream.
        frames: The stream, frame by frame, each sent on its own.
        end: How the stream ends.
        delay_s: Seconds before anything is sent.
    """

    status: int | None = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    frames: tuple[Frame, ...] = ()
    end: End = "done"
    delay_s: float = 0.0

    def cut(self, end: End = "done", *then: Frame, after: int = 2) -> Reply:
        """Return this reply with all that follows its first frames replaced.

        Args:
            end: How the stream ends instead.
            *then: Frames to send before that.
            after: How many frames stay; the first one holds the role alone.
        """
        return replace(self, frames=self.frames[:after] + then, end=end)

    def delayed(self, seconds: float) -> Reply:
        """Return this reply, sent later."""
        return replace(self, delay_s=seconds)


@dataclass(slots=True)
class Request:
    """A request as it came in, and what became of it."""

    path: str
    headers: dict[str, str]
    body: Any
    came_at: float
    disconnected_at: float | None = None
    """When the client hung up before the reply was complete."""


Script = Sequence[Reply] | Mapping[str, Sequence[Reply]] | Callable[[Request], Reply]


def delta(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a frame that holds one delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _frame(choices=[choice])


def usage_frame(
    prompt: int = 12, completion: int = 7, *, cached: int = 4, reasoning: int = 2
) -> dict[str, Any]:
    """Return the frame with the tokens; it is sent only to a client that asked for it."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return _frame(choices=[], usage=usage)


def stream(*frames: Frame, end: End = "done") -> Reply:
    """Return a reply that streams these frames."""
    return Reply(frames=frames, end=end)


def answer(
    text: str = "",
    *,
    reasoning: str = "",
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = (),
    finish_reason: str | None = None,
    piece: int = 8,
) -> Reply:
    """Return a reply that streams an answer as OpenAI does.

    Args:
        text: The text.
        reasoning: Reasoning, before the text.
        calls: Tool calls after it: the name, and the arguments (a string goes out as it is).
        finish_reason: Why it ends; left out, what fits.
        piece: Characters in a frame.
    """
    frames: list[Frame] = [delta(role="assistant", content="")]
    frames += [delta(reasoning_content=part) for part in _pieces(reasoning, piece)]
    frames += [delta(content=part) for part in _pieces(text, piece)]
    for index, (name, args) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        frames.append(delta(tool_calls=[head]))
        written = args if isinstance(args, str) else json.dumps(args, ensure_ascii=False)
        frames += [
            delta(tool_calls=[{"index": index, "function": {"arguments": part}}])
            for part in _pieces(written, piece)
        ]
    frames.append(delta(finish_reason or ("tool_calls" if calls else "stop")))
    return stream(*frames, usage_frame())


def text(said: str) -> Reply:
    """Return a reply that streams this text."""
    return answer(said)


def silence() -> Reply:
    """Return a reply that never comes, on a connection that stays open."""
    return Reply(status=None, end="stall")


def http_error(
    status: int,
    message: str = "It went wrong.",
    *,
    code: str | None = None,
    retry_after: float | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that refuses the request."""
    sent = dict(headers or {})
    if retry_after is not None:
        sent["Retry-After"] = str(retry_after)
    error = {"message": message, "type": "error", "param": None, "code": code}
    return Reply(status=status, headers=sent, body=json.dumps({"error": error}).encode())


class LoopbackServer:
    """The server; a context manager, with `async with` as well as `with`.

    Args:
        script: The replies in order, the last one again and again; or replies by model; or a
            function from the request to the reply.

    A request that no server would take (see `problem`) is answered with 400 instead.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._played: dict[str, int] = {}
        self.requests: list[Request] = []
        """All requests so far."""
        self.connections = 0
        """Connections that are open."""
        self.connections_made = 0
        """Connections that were ever opened."""
        self.base_url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started: asyncio.Server | None = None
        self._hung_up: asyncio.Queue[Request] = asyncio.Queue()
        self._broken: list[Exception] = []

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
        self._started = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._started.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"

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
            self.requests.append(request)
            # One byte is read ahead: nothing comes before the reply is complete, except the end.
            ahead = asyncio.create_task(reader.read(1))
            sending = asyncio.create_task(_send(self._reply(request), request, writer))
            await asyncio.wait({ahead, sending}, return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            try:
                reusable = await sending
            except (ConnectionError, asyncio.CancelledError):
                request.disconnected_at = time.perf_counter()
                self._hung_up.put_nowait(request)
                reusable = False
            if not reusable:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
                return
            first = await ahead

    def _reply(self, request: Request) -> Reply:
        wrong = problem(request)
        if wrong is not None:
            return http_error(400, wrong)
        if callable(self._script):
            return self._script(request)
        model = ""
        replies = self._script
        if isinstance(replies, Mapping):
            model = request.body["model"]
            replies = replies[model]
        number = self._played.get(model, 0)
        self._played[model] = number + 1
        return replies[min(number, len(replies) - 1)]


def problem(request: Request) -> str | None:
    """Return why a server would not take this request, or None."""
    body = request.body
    if request.path != "/v1/chat/completions":
        return f"There is no {request.path}."
    if not isinstance(body, dict) or not body.get("model") or body.get("stream") is not True:
        return "The body must hold a model and stream: true."
    names = [tool["function"]["name"] for tool in body.get("tools", ())]
    if len(set(names)) != len(names):
        return "The names of the tools must differ."
    return _problem_of_messages(body.get("messages"))


def _problem_of_messages(messages: Any) -> str | None:
    """Return what is wrong with a conversation: above all, calls and results must match."""
    said = "messages must not be empty." if not messages else None
    asked: set[str] = set()
    for message in messages or ():
        if message["role"] == "tool":
            if message["tool_call_id"] not in asked:
                said = f"No tool call has the id {message['tool_call_id']!r}."
            asked.discard(message["tool_call_id"])
            continue
        if asked:
            break
        calls = message.get("tool_calls", ())
        asked = {call["id"] for call in calls}
        if message["role"] not in ("system", "user", "assistant"):
            said = f"There is no role {message['role']!r}."
        if not all(isinstance(call["function"]["arguments"], str) for call in calls):
            said = "The arguments of a call must be a string."
        if message["content"] is None and not calls:
            said = "content must be text."
    return f"The tool calls {sorted(asked)} have no results." if asked else said


async def _read_request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(
        path=start.split(" ")[1],
        headers=headers,
        body=json.loads(content) if content else None,
        came_at=time.perf_counter(),
    )


async def _send(reply: Reply, request: Request, writer: asyncio.StreamWriter) -> bool:
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
    asked = (request.body.get("stream_options") or {}).get("include_usage")
    for frame in reply.frames:
        if isinstance(frame, float):
            await asyncio.sleep(frame)
        elif isinstance(frame, bytes):
            await _send_chunk(frame, writer)
        elif asked or frame.get("choices") or "usage" not in frame:
            await _send_chunk(b"data: " + json.dumps(frame).encode() + b"\n\n", writer)
    if reply.end == "stall":
        await asyncio.Event().wait()
    if reply.end == "drop":
        return False
    if reply.end == "done":
        await _send_chunk(b"data: [DONE]\n\n", writer)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _send_chunk(content: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(content), content))
    await writer.drain()
    await asyncio.sleep(0)


def _frame(**content: Any) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", **content}


def _pieces(said: str, size: int) -> list[str]:
    return [said[start : start + size] for start in range(0, len(said), size)]
