"""Messages whose content is more than text: kept beside it, so that they go back as they came.

The blocks of a LangChain model may hold signatures, which its provider wants to see again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    message_to_dict,
    messages_from_dict,
)

_KEY = "massgraph_message"


def kept(message: AIMessage) -> dict[str, Any]:
    """Return what must be kept of a message beside its text and its calls."""
    extras = {k: v for k, v in message.additional_kwargs.items() if k != "reasoning_content"}
    return extras if isinstance(message.content, str) else {_KEY: message_to_dict(message)}


def restored(messages: Sequence[BaseMessage], provider: str, name: str) -> list[AnyMessage]:
    """Return a conversation with the messages as this model has written them.

    Args:
        messages: The conversation; a message that was changed since then stays as it is.
        provider: The model's provider.
        name: The model.
    """
    return [_restored(cast("AnyMessage", message), provider, name) for message in messages]


def _restored(message: AnyMessage, provider: str, name: str) -> AnyMessage:
    whole = message.additional_kwargs.get(_KEY)
    said = message.response_metadata
    if whole is None or (said.get("provider"), said.get("model_name")) != (provider, name):
        return message
    [original] = messages_from_dict([whole])
    if not (isinstance(message, AIMessage) and isinstance(original, AIMessage)):
        return message
    same = (original.text, original.tool_calls) == (message.text, message.tool_calls)
    return original if same else message
