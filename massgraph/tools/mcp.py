"""The tools of an MCP server: a program that is started, or an address that is asked."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..backends.errors import MassgraphError, UserError
from ..backends.guard import check_request_allowed
from ..backends.keys import struck
from ..backends.later import Later
from ..backends.off_loop import off_loop
from ..backends.words import did_you_mean, quoted
from ..nodes.cut import cut_middle
from ..nodes.log_line import LogLine
from ..nodes.toolbox import Toolbox
from .address import Address
from .extras import check_extra

if TYPE_CHECKING:
    from langchain_core import tools as lc

    from .connection import Connection
else:
    lc = Later("langchain_core.tools")

logger = logging.getLogger("massgraph.tool")

OPENING_S = 30.0
"""How long a server may take to start and to list its tools; as long as `timeout_s`, if longer."""
MAX_CHARS = 20_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class McpServer(Toolbox):
    """An MCP server, whose tools the agents that name it may use.

    It is started, or connected to, before a run's first call, once for each event loop, and closed
    with the team (`Team.aclose`, and at the end of `run`). Give a server to one team: what that
    team closes is closed.

    Args:
        name: What messages call it.
        command: The program to start, which speaks MCP over its stdin and stdout ...
        url: ... or the address of a server that speaks it over HTTP ("streamable HTTP").
        args: The program's arguments.
        env: The program's environment, beside the few variables that MCP programs are always
            given (PATH, HOME and the like). `${NAME}` in a value is our own environment's.
        headers: HTTP headers, with `${NAME}` as in `env`.
        tools: The tools that may be used; left out, all of them.
        timeout_s: Seconds that one call may take; left out, the agent's `tool_timeout_s`. (It
            may take 30 to start.)
        max_chars: Characters of a result that the model is shown; the middle is left out.

    Raises:
        UserError: When something of it is wrong.
        MissingError: When the extra `mcp` is not installed.
    """

    def __init__(  # noqa: PLR0913 - each is one key of a config
        self,
        name: str,
        *,
        command: str | None = None,
        url: str | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        tools: Sequence[str] | None = None,
        timeout_s: float | None = None,
        max_chars: int = MAX_CHARS,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise UserError(f"{quoted(name)} can't be the name of an MCP server.")
        self.name = f"the MCP server {name!r}"
        check_extra("langchain_mcp_adapters", self.title)
        named = [*(env or {}).items(), *(headers or {}).items()]
        for text in (*args, *(tools or ()), *(part for pair in named for part in pair)):
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise UserError(f"{self.title}: args, tools, env and headers hold texts.")
        self.address = Address(command, url, tuple(args), dict(env or {}), dict(headers or {}))
        for _, problem, _ in self.address.problems():
            raise UserError(f"{self.title}: {problem}.")
        if timeout_s is not None and not timeout_s > 0:
            raise UserError(f"{self.title}: timeout_s must be more than 0.")
        if max_chars < 1:
            raise UserError(f"{self.title}: max_chars must be more than 0.")
        self.allowed = None if tools is None else tuple(tools)
        self.timeout_s, self.max_chars = timeout_s, max_chars
        self._open: dict[asyncio.AbstractEventLoop, _Open] = {}

    def __repr__(self) -> str:
        return f"<{self.name}: {self.address.shown}>"

    @property
    def title(self) -> str:
        """What a sentence about it begins with."""
        return f"T{self.name[1:]}"

    @property
    def opening_s(self) -> float:
        """How long it may take to start."""
        return max(OPENING_S, self.timeout_s or 0.0)

    def only(self, tool: str) -> McpTool:
        """Return one tool of the server, as an agent's `tools` take it."""
        return McpTool(self, tool)

    async def tools(self) -> Sequence[lc.BaseTool]:
        """Return the tools; see Toolbox."""
        opened = self._here()
        if not opened.tools:
            connection = await self._connected(opened)
            opened.tools = tuple(await self._checked(connection))
            told = {"server": self.name, "tools": len(opened.tools)}
            logger.info(LogLine("MCP server opened", **told))
        return opened.tools

    async def prepare(self) -> None:
        """Open it; one that is open must still answer; see Toolbox."""
        kept = self._here().connection
        if kept is not None and not kept.lost:
            await kept.ping()
        await self._connected(self._here())
        await self.tools()

    async def aclose(self) -> None:
        """Close it on this loop; see Toolbox."""
        opened = self._open.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await asyncio.gather(*(one.aclose() for one in opened.all()))

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """Call a tool, over a new connection where the last one was lost before.

        Returns:
            A ToolMessage with its text; of a call that failed, with the status `error`.
        """
        from langchain_core.messages import ToolMessage

        from .connection import CallError, NotSentError

        try:
            try:
                said, failed = await (await self._connected(self._here())).call(tool, arguments)
            except NotSentError:
                said, failed = await (await self._connected(self._here())).call(tool, arguments)
        except (CallError, MassgraphError) as exc:
            said, failed = self.redact(str(exc)), True
        text = cut_middle(struck(said, self.address.secrets(only_secret=True)), self.max_chars)
        return ToolMessage(text, tool_call_id="", status="error" if failed else "success")

    def redact(self, text: str) -> str:
        """Return a text without the values of variables and headers."""
        return struck(text, self.address.secrets())

    def _here(self) -> _Open:
        """Return what is open on the running loop; what a closed loop has left is forgotten."""
        loop = asyncio.get_running_loop()
        for other in [one for one in self._open if one.is_closed()]:
            del self._open[other]
        return self._open.setdefault(loop, _Open())

    async def _connected(self, opened: _Open) -> Connection:
        """Return the connection, opened if there is none, or no longer one.

        Raises:
            UserError: When it cannot be opened.
        """
        # The library behind it takes a while to import.
        if opened.connection is None:
            await off_loop(lambda: importlib.import_module(".connection", __package__))
        from .connection import Connection

        if opened.connection is None or opened.connection.lost:
            if self.address.url is not None:
                check_request_allowed(self.address.url)
            if opened.connection is not None:
                opened.left.append(opened.connection)
                opened.connection.leave()
            opened.connection = Connection(self)
        connection = opened.connection
        await connection.opened()
        return connection

    async def _checked(self, connection: Connection) -> list[lc.BaseTool]:
        """Return the server's tools that may be used.

        Raises:
            UserError: When it has not all that are named.
        """
        tools = {tool.name: tool for tool in await connection.opened()}
        for name in self.allowed or ():
            if name not in tools:
                near = did_you_mean(name, list(tools))
                raise UserError(f"{self.title} has no tool {quoted(name)}{near}")
        return [tools[name] for name in (tools if self.allowed is None else self.allowed)]


class McpTool(Toolbox):
    """One tool of an MCP server.

    Args:
        server: The server.
        tool: The tool's name.
    """

    def __init__(self, server: McpServer, tool: str) -> None:
        self.server, self.tool = server, tool
        self.name = server.name

    def __repr__(self) -> str:
        return f"<the tool {self.tool!r} of {self.name}>"

    @property
    def opened_by(self) -> Hashable:
        """Its server."""
        return self.server

    async def tools(self) -> Sequence[lc.BaseTool]:
        """Return the one tool; see Toolbox."""
        tools = {tool.name: tool for tool in await self.server.tools()}
        if self.tool not in tools:
            near = did_you_mean(self.tool, list(tools))
            raise UserError(f"{self.server.title} has no tool {quoted(self.tool)}{near}")
        return [tools[self.tool]]

    async def prepare(self) -> None:
        """Open the server; see Toolbox."""
        await self.server.prepare()

    async def aclose(self) -> None:
        """Close the server; see Toolbox."""
        await self.server.aclose()


class _Open:
    """What is open on one event loop; the tools stay the same when a connection is renewed."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.left: list[Connection] = []
        self.tools: tuple[lc.BaseTool, ...] = ()

    def all(self) -> list[Connection]:
        """Return every connection that may not be closed yet."""
        return [*self.left, *([self.connection] if self.connection else [])]
