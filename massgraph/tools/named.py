"""Tools by their names, and what else may stand where a tool is expected."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.errors import UserError
from ..backends.later import Later
from ..backends.words import did_you_mean, quoted
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
MOST_NAMES = 10
"""Functions of a module that are listed."""

_OF_A_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def built_tool(tool: object) -> lc.BaseTool:
    """Return what stands for a tool as a LangChain tool.

    Args:
        tool: A LangChain tool, a function, or a name.

    Raises:
        UserError: When it is none.
        MissingError: When an extra of massgraph is not installed.
    """
    from langchain_core.tools import BaseTool

    if isinstance(tool, str):
        tool = named(tool)
    if isinstance(tool, BaseTool):
        return tool
    try:
        return _of_function(tool)
    except (TypeError, ValueError) as exc:
        raise UserError(f"{tool!r} is no tool: {exc}") from exc


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
    if not _OF_A_MODULE.fullmatch(name):
        near = did_you_mean(name, list(BUILT_IN))
        if "; known" in near:
            near = f"; known: {', '.join(BUILT_IN)}, module:function, mcp:SERVER, mcp:SERVER/TOOL"
        raise UserError(f"there is no tool {quoted(name)}{near}")
    return _of_module(name)


def _of_module(name: str) -> object:
    module_name, _, function = name.partition(":")
    try:
        module = _imported(module_name)
    except (Exception, SystemExit) as exc:
        said = f"the module {module_name!r} cannot be imported: {type(exc).__name__}: {exc}"
        raise UserError(said) from exc
    tool = getattr(module, function, None)
    if tool is None:
        known = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        near = did_you_mean(function, known)
        if "; known" in near and len(known) > MOST_NAMES:
            near = f"; known: {', '.join(known[:MOST_NAMES])}, ..."
        raise UserError(f"the module {module_name!r} has no {function!r}{near}")
    if not (callable(tool) or hasattr(tool, "invoke")):
        raise UserError(f"{name!r} is not a function")
    return tool


def _imported(module: str) -> Any:
    """Import a module, the working directory's own included, and keep it off stdout."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(module)


def _of_function(function: object) -> lc.BaseTool:
    from langchain_core.tools import StructuredTool

    if not callable(function):
        raise TypeError("it cannot be called")
    if inspect.iscoroutinefunction(function):
        return StructuredTool.from_function(coroutine=function)
    return StructuredTool.from_function(function)
