"""What LangChain binds to a model, as a backend takes it: tools, and which of them to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..backends.base import LLMBackend, ToolSchema
from ..backends.errors import UserError
from ..backends.tool_choice import WORDS, offered


def tool_schema(tool: Mapping[str, Any]) -> ToolSchema:
    """Return a tool in OpenAI's form as a backend takes it.

    Raises:
        UserError: When it is no function.
    """
    function = tool.get("function")
    if not isinstance(function, Mapping):
        raise UserError(
            f"A tool of the type {tool.get('type')!r} cannot be bound here.",
            hint="Bind functions; a provider's own tools are switched on in its backend.",
        )
    empty = {"type": "object", "properties": {}}
    return ToolSchema(
        function["name"], function.get("description", ""), function.get("parameters") or empty
    )


def choice_of(given: Any) -> str:
    """Return a tool choice in one form: `any`, `auto`, `none`, or a tool's name.

    Args:
        given: What LangChain's users write: these words, `required`, True, or the mapping of
            OpenAI or of Anthropic.

    Raises:
        UserError: When it is none of them.
    """
    if isinstance(given, Mapping):
        named = given.get("name") or given.get("function", {}).get("name")
        given = named or given.get("type")
    if given is True or given == "required":
        return "any"
    if given is False or given is None:
        return "auto"
    if not isinstance(given, str) or not given:
        raise UserError(
            "This is no tool_choice.", hint="Give 'any', 'auto', 'none', or the name of a tool."
        )
    return given


def chosen(
    tools: Sequence[ToolSchema], choice: str, backend: LLMBackend
) -> tuple[Sequence[ToolSchema], dict[str, Any]]:
    """Return the tools to offer, and the parameters that say which of them to call.

    A backend that cannot be told is offered the named tool alone, or none.

    Raises:
        UserError: When the named tool is not among them.
    """
    if not tools or choice == "auto":
        return tools, {}
    names = [tool.name for tool in tools]
    if choice not in WORDS and choice not in names:
        raise UserError(
            f"tool_choice names {choice!r}, which is not bound.", hint=f"Bound: {', '.join(names)}."
        )
    if backend.takes_tool_choice:
        return tools, {"tool_choice": choice}
    return offered(tools, choice), {}
