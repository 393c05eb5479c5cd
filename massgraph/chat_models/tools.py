"""What LangChain binds to a model, as a backend takes it: tools, and which of them to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..backends.base import ToolSchema
from ..backends.errors import UserError

Params = dict[str, Any]

_OPENAI = {"any": "required", "auto": "auto", "none": "none"}


def _chat(choice: str) -> Params:
    named = {"type": "function", "function": {"name": choice}}
    return {"tool_choice": _OPENAI.get(choice, named)}


def _responses(choice: str) -> Params:
    return {"tool_choice": _OPENAI.get(choice, {"type": "function", "name": choice})}


def _messages(choice: str) -> Params:
    named = {"type": "tool", "name": choice}
    return {"tool_choice": {"type": choice} if choice in _OPENAI else named}


_CHOICES: Mapping[str, Callable[[str], Params]] = {
    "chat_completions": _chat,
    "openai": _responses,
    "grok": _responses,
    "claude": _messages,
    "langchain": lambda choice: {"tool_choice": choice},
}
"""How each provider is told which tool to call."""


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
        given: What LangChain's users write: these words, `required`, True, or OpenAI's mapping.

    Raises:
        UserError: When it is none of them.
    """
    if isinstance(given, Mapping):
        given = given.get("name") or given.get("function", {}).get("name")
    if given is True or given == "required":
        return "any"
    if given is False or given is None:
        return "auto"
    if not isinstance(given, str) or not given:
        raise UserError(
            "tool_choice is none.", hint="Give 'any', 'auto', 'none', or the name of a tool."
        )
    return given


def chosen(
    tools: Sequence[ToolSchema], choice: str, provider: str
) -> tuple[Sequence[ToolSchema], Params]:
    """Return the tools to offer, and the parameters that say which of them to call.

    A provider that cannot be told is offered the named tool alone, or none.

    Raises:
        UserError: When the named tool is not among them.
    """
    if not tools or choice == "auto":
        return tools, {}
    names = [tool.name for tool in tools]
    if choice not in ("any", "none") and choice not in names:
        raise UserError(
            f"tool_choice names {choice!r}, which is not bound.", hint=f"Bound: {', '.join(names)}."
        )
    tell = _CHOICES.get(provider)
    if tell is not None:
        return tools, tell(choice)
    if choice == "any":
        return tools, {}
    return [tool for tool in tools if tool.name == choice], {}
