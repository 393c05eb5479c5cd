"""Tools by their names, and what else may stand where a tool is expected."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..backends.errors import UserError
from ..backends.later import Later
from ..backends.words import did_you_mean, quoted
from ..nodes.imported import imported, is_name
from .calculator import calculator_tool
from .python import python_tool

if TYPE_CHECKING:
    from langchain_core import tools as lc
else:
    lc = Later("langchain_core.tools")

BUILT_IN: dict[str, Callable[[], lc.BaseTool]] = {
    "calculator": calculator_tool,
    "python": python_tool,
}
MCP = "mcp:"
"""What the name of an MCP server, or of a tool of one, begins with."""


def built_tool(tool: object) -> lc.BaseTool:
    """Return what stands for a tool as a LangChain tool.

    Args:
        tool: A LangChain tool, a function, or a name.

    Raises:
        UserError: When it is none.
        MissingError: When an extra of massgraph is not installed.
    """
    from langchain_core.tools import BaseTool

    called = quoted(tool) if isinstance(tool, str) else getattr(tool, "__name__", repr(tool))
    if isinstance(tool, str):
        tool = named(tool)
    if isinstance(tool, BaseTool):
        return tool
    try:
        return _of_function(tool)
    except Exception as exc:  # its annotations are evaluated, and may raise anything
        raise UserError(f"{called} is no tool: {exc}") from exc


def named(name: str) -> object:
    """Return the tool, or the function, of this name.

    Raises:
        UserError: When there is none.
        MissingError: When an extra of massgraph is not installed.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    if name.startswith(MCP):
        raise UserError(
            f"{quoted(name)} is a name for configs.",
            hint="In Python, give a massgraph.tools.McpServer.",
        )
    if not is_name(name):
        near = did_you_mean(name, list(BUILT_IN))
        if "; known" in near:
            near = f"; known: {', '.join(BUILT_IN)}, module:function, mcp:SERVER, mcp:SERVER/TOOL"
        raise UserError(f"there is no tool {quoted(name)}{near}")
    tool = imported(name)
    if not (callable(tool) or hasattr(tool, "invoke")):
        raise UserError(f"{name!r} is not a function")
    return tool


def _of_function(function: object) -> lc.BaseTool:
    from langchain_core.tools import StructuredTool

    if not callable(function):
        raise TypeError("it cannot be called")
    if inspect.iscoroutinefunction(function):
        return StructuredTool.from_function(coroutine=function)
    return StructuredTool.from_function(function)
