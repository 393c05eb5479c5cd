"""The question of a run: a text, or the last message of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)

from .backends.errors import UserError

Question = str | Sequence[AnyMessage]
"""A question; or a conversation, as LangChain messages, whose last message is the question."""

KINDS: tuple[type[BaseMessage], ...] = (
    HumanMessage,
    AIMessage,
    SystemMessage,
    ToolMessage,
    FunctionMessage,
    ChatMessage,
)
KEPT = ("content", "name", "role", "tool_calls", "invalid_tool_calls", "tool_call_id", "status")
"""The fields of messages that are asked with them, and stored with their thread."""
KEPT_INSIDE: Mapping[str, tuple[str, ...]] = {
    "additional_kwargs": ("__openai_role__", "__gemini_function_call_thought_signatures__"),
    "response_metadata": ("output_version", "model_provider"),
}
"""Of their metadata, what LangChain's own models read when a message comes back to them."""


def conversation(question: Question) -> list[AnyMessage]:
    """Return the conversation that a question is, or ends.

    Its messages are made anew, of what is said in them: other metadata may hold anything, and a
    thread would take a message of the same id for a correction.

    Raises:
        UserError: When there is no question, or a message is none.
    """
    given = [question] if isinstance(question, str) else question
    messages = [_bare(message) for message in convert_to_messages(given)]
    last = messages[-1] if messages else None
    if not isinstance(last, HumanMessage):
        raise UserError("There is no question: the last message must be a human one.")
    if isinstance(last.content, str) and not last.content.strip():
        raise UserError("The question is empty.", hint="Ask something.")
    return cast("list[AnyMessage]", messages)


def _bare(message: BaseMessage) -> BaseMessage:
    """Return a message as it is said and stored, whatever else it carries."""
    kind = next((kind for kind in KINDS if isinstance(message, kind)), None)
    if kind is None:
        raise UserError(f"A {type(message).__name__} can't be part of a conversation.")
    fields: dict[str, Any] = {
        name: getattr(message, name) for name in KEPT if name in kind.model_fields
    }
    for name, keys in KEPT_INSIDE.items():
        held = getattr(message, name)
        fields[name] = {key: held[key] for key in keys if key in held}
    return kind(**fields)
