"""Tools for agents: a calculator, a Python interpreter, the tools of MCP servers."""

from __future__ import annotations

from .calculator import calculator_tool as calculator_tool
from .mcp import McpServer as McpServer
from .python import python_tool as python_tool

__all__ = ["McpServer", "calculator_tool", "python_tool"]
