"""One open session with an MCP server, held by one task from its beginning to its end.

Imported once a server is opened: the library behind it is heavy.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import IO, TYPE_CHECKING, Any

import anyio
import httpx
from langchain_core.tools import BaseTool
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import ErrorData

from ..backends.errors import MissingError, UserError
from .mcp_content import text_of
from .mcp_session import Session

if TYPE_CHECKING:
    from .mcp import McpServer

LAST_WORDS = 2_000
"""Characters of what a program that does not start says on its stderr."""
ANSWERS_WITHIN_S = 5.0

# Without a handler, Python would print the library's complaints, and what a server said, on stderr.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class CallError(Exception):
    """A call that failed; the message is for the model."""


class NotSentError(CallError):
    """The connection had ended before the call: it may be made over another one."""


class Connection:
    """A session that is being opened, is open, or was.

    Its scopes are entered and left by a task of its own, as the library asks for.

    Args:
        server: The server.
    """

    def __init__(self, server: McpServer) -> None:
        self.lost = False
        self._server = server
        self._stderr: IO[bytes] | None = None
        self._session: Session | None = None
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[Sequence[BaseTool]]
        self._opened = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(), name=server.name)
        self._task.add_done_callback(self._ended)

    async def opened(self) -> Sequence[BaseTool]:
        """Wait until it is open, and return all the server's tools.

        Raises:
            UserError: When it cannot be opened.
        """
        return await asyncio.shield(self._opened)

    async def ping(self) -> None:
        """Find out whether the server still answers; one that does not is lost."""
        if self._session is None:
            return
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await self._session.send_ping()
        except (TimeoutError, McpError, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self.lost = True

    async def call(self, tool: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        """Call a tool, and return its text, and whether it failed.

        Raises:
            CallError: When the call failed, or the connection ended meanwhile.
            NotSentError: When it had ended before.
        """
        assert self._session is not None
        call = asyncio.create_task(self._session.call_tool(tool, arguments))
        try:
            await asyncio.wait({call, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise self._loss()
            result = call.result()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as exc:
            self.lost = True
            raise NotSentError(f"{self._server.title} cannot be reached any more.") from exc
        except McpError as exc:
            if (
                exc.error.code == types.CONNECTION_CLOSED
                or "Session terminated" in exc.error.message
            ):
                raise self._loss() from exc
            raise CallError(f"{self._server.title} says: {exc}") from exc
        except (RuntimeError, ValueError) as exc:  # the library checks it against its schema
            raise CallError(f"{self._server.title} gave no valid result: {exc}") from exc
        finally:
            if not call.done():
                call.cancel()
                await asyncio.wait({call})
        return text_of(result), bool(result.isError)

    def leave(self) -> None:
        """Let it end; `aclose` waits for that."""
        self._closing.set()

    async def aclose(self) -> None:
        """End it, and wait until nothing of it is left."""
        self.leave()
        if not self._opened.done():
            self._task.cancel()
        await asyncio.wait({self._task})

    def _loss(self) -> CallError:
        self.lost = True
        return CallError(
            f"The connection to {self._server.name} ended in the middle of the call; whether it "
            "was carried out is not known. The next call is tried over a new connection."
        )

    async def _hold(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack)
                await self._closing.wait()
        except Exception as exc:
            self._refuse(exc)
        finally:
            self.lost = True
            if self._stderr is not None:
                self._stderr.close()

    async def _open(self, stack: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(self._server.opening_s):
                streams = await stack.enter_async_context(self._streams())
                self._session = await stack.enter_async_context(Session(*streams))
                await self._session.initialize()
                tools = await load_mcp_tools(self._session, tool_interceptors=[self._intercepted])
        except Exception as exc:
            self._refuse(exc)
            raise
        for tool in tools:
            if self._server.timeout_s is not None:
                tool.metadata = {**(tool.metadata or {}), "timeout_s": self._server.timeout_s}
        self._opened.set_result(tools)

    async def _intercepted(self, request: Any, handler: Any) -> Any:
        """Make a tool's call our own way; the library's tool gives the name and the schema."""
        return await self._server.call(request.name, request.args)

    @asynccontextmanager
    async def _streams(self) -> AsyncGenerator[tuple[Any, Any]]:
        server, at, title = self._server, self._server.address, self._server.title
        if at.url is not None:
            timeout = httpx.Timeout(server.opening_s, read=None)
            url, user = at.signed_in
            auth = None if user is None else httpx.BasicAuth(*user)
            client = create_mcp_http_client(
                headers=at.sent_headers(title), timeout=timeout, auth=auth
            )
            async with client, streamable_http_client(url, http_client=client) as streams:
                yield streams[0], streams[1]
            return
        assert at.command is not None
        # A file, and no pipe: nobody has to read it, and it can't fill up.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        program = StdioServerParameters(
            command=at.command, args=list(at.args), env=at.variables(title)
        )
        errlog: Any = self._stderr
        async with stdio_client(program, errlog=errlog) as streams:
            yield streams

    def _refuse(self, exc: BaseException) -> None:
        """Tell whoever waits that it cannot be opened."""
        if self._opened.done():
            return
        error = self._reason(_first(exc))
        error.__cause__ = exc
        self._opened.set_exception(error)
        self._opened.exception()  # seen, should nobody wait any more

    def _reason(self, exc: BaseException) -> UserError:
        """Return why it cannot be opened, and what to do about it."""
        server, at, name = self._server, self._server.address, self._server.title
        match exc:
            case UserError():
                return exc
            case FileNotFoundError() if at.url is None:
                return MissingError(
                    f"{name} cannot be started: there is no program {at.command!r}.",
                    hint="Install it, or write its whole path.",
                )
            case TimeoutError():
                message = f"{name} does not answer within {server.opening_s:g} s"
            case httpx.HTTPStatusError():
                status = exc.response.status_code
                message = f"{name} refuses the connection to {at.shown}: HTTP status {status}"
            case _ if at.url is not None:
                message = f"{name} cannot be reached at {at.shown}: {_said(exc)}"
            case McpError(error=ErrorData(code=types.CONNECTION_CLOSED)):
                message = f"{name} ended instead of starting"
            case anyio.BrokenResourceError() | anyio.ClosedResourceError():
                message = f"{name} ended instead of starting"
            case _:
                message = f"{name} cannot be started: {_said(exc)}"
        return UserError(server.redact(f"{message}{self._last_words()}."))

    def _last_words(self) -> str:
        """Return the last line that a program has said on its stderr."""
        if self._stderr is None or self._stderr.closed:
            return ""
        size = self._stderr.seek(0, 2)
        self._stderr.seek(max(0, size - LAST_WORDS))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"; it says: {lines[-1].strip().rstrip('.')}" if lines else ""

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.lost = True
        if not self._opened.done():
            self._refuse(asyncio.CancelledError("closed meanwhile"))
        if not task.cancelled():
            task.exception()


def _first(exc: BaseException) -> BaseException:
    """Return the first exception of a group."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return exc


def _said(exc: BaseException) -> str:
    with contextlib.suppress(Exception):
        if str(exc):
            return " ".join(str(exc).split()).rstrip(".")
    return type(exc).__name__
