"""The `tools:` of an agent: names, each of a tool, of a function, or of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..backends.errors import MissingError, UserError
from ..nodes.toolbox import Toolbox
from ..tools.named import MCP, built_tool
from .document import Document, Keys
from .problems import Problem, did_you_mean, quoted

if TYPE_CHECKING:
    from ..tools.mcp import McpServer


@dataclass(slots=True)
class ToolReader:
    """Reads the tools of one document's agents.

    Args:
        document: Takes the problems.
        servers: The MCP servers by their names; None for one that is wrong, or not usable here.
        warnings: Takes what is missing on this machine.
    """

    document: Document
    servers: Mapping[str, McpServer | None]
    warnings: list[Problem]
    broken: bool = False
    """Whether `mcp_servers` is no mapping: then nothing is said of the names in it."""
    named: set[str] = field(default_factory=set)
    """The servers that an agent has named so far."""

    def read(self, names: Any, keys: Keys) -> list[Any]:
        """Return the tools of these names; what is wrong with one is noted in the document.

        Args:
            names: What the agent says.
            keys: Where it says it.
        """
        tools: list[Any] = []
        listed: list[Any] = names if isinstance(names, list) else []
        for number, name in enumerate(listed):
            if not isinstance(name, str):
                continue
            found: Any = name
            try:
                found = self._of_server(name) if name.startswith(MCP) else built_tool(name)
            except MissingError as exc:
                place = self.document.place((*keys, number))
                self.warnings.append(Problem(place, str(exc), missing=True))
            except UserError as exc:
                self.document.problem((*keys, number), str(exc))
                continue
            if found is not None:
                tools.append(found)
        return tools

    def unused_servers(self) -> None:
        """Warn of each server that no agent names."""
        for name in self.servers:
            if name not in self.named:
                place = self.document.place(("mcp_servers", name), key=True)
                message = f"no agent names the MCP server {quoted(name)}; it is not started"
                self.warnings.append(Problem(place, message))

    def _of_server(self, name: str) -> Toolbox | None:
        server, slash, tool = name.removeprefix(MCP).partition("/")
        if self.broken:
            return None
        if server not in self.servers:
            near = did_you_mean(server, list(self.servers)) or "; 'mcp_servers' names none"
            raise UserError(f"there is no MCP server {quoted(server)}{near}")
        self.named.add(server)
        found = self.servers[server]
        if found is None or not slash:
            return found
        if found.allowed is not None and tool not in found.allowed:
            near = did_you_mean(tool, found.allowed)
            raise UserError(f"the tools of {quoted(server)} do not name {quoted(tool)}{near}")
        return found.only(tool)
