"""A member of a team, as the nodes see it."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from ..backends.base import LLMBackend, ToolSchema

TOOL_TIMEOUT_S = 60.0
"""How long one call of an agent's own tool may take, unless its agent says otherwise."""


@dataclass(frozen=True, slots=True)
class Member:
    """An agent with its backend built.

    Args:
        id: The agent's id, also the name of its node.
        backend: What answers for it.
        system_message: Its role, in the words of whoever made the team.
        tools: Its own tools.
        tool_timeout_s: Seconds that one call of a tool may take.
    """

    id: str
    backend: LLMBackend
    system_message: str = ""
    tools: tuple[BaseTool, ...] = ()
    tool_timeout_s: float = TOOL_TIMEOUT_S

    def tool(self, name: str) -> BaseTool | None:
        """Return the agent's own tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def tool_schemas(self) -> tuple[ToolSchema, ...]:
        """Return its own tools as a model sees them."""
        return tuple(tool_schema(tool) for tool in self.tools)


def tool_schema(tool: BaseTool) -> ToolSchema:
    """Return a LangChain tool as a model sees it."""
    function = convert_to_openai_tool(tool)["function"]
    return ToolSchema(
        name=function["name"],
        description=function.get("description", ""),
        parameters=function.get("parameters", {"type": "object", "properties": {}}),
    )
