"""Messages as a provider wants them back: its own items, word for word, beside the plain text.

A message goes back to the provider that wrote it with everything that it carried (signatures,
encrypted reasoning, results of its own tools). Any other provider sees its text and its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, ToolCall

_KEY = "massgraph_echo"


def echo(
    provider: str, items: Sequence[dict[str, Any]], text: str, calls: Iterable[ToolCall]
) -> AIMessage:
    """Return a message that can be sent back as it came.

    Args:
        provider: Who wrote it.
        items: Its own form of the message, as JSON values.
        text: The text alone.
        calls: The tool calls, with the ids that their results will name.
    """
    from langchain_core.messages import AIMessage

    kept = {_KEY: {"provider": provider, "items": list(items)}}
    return AIMessage(text, tool_calls=list(calls), additional_kwargs=kept)


def echoed(provider: str, message: AIMessage) -> list[dict[str, Any]] | None:
    """Return what a provider once sent as this message, or None when another one wrote it."""
    kept: object = message.additional_kwargs.get(_KEY)
    if not isinstance(kept, dict):
        return None
    said = cast("dict[str, Any]", kept)
    return list(said["items"]) if said.get("provider") == provider else None
