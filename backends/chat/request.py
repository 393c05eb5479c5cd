"""A request to `/chat/completions`, made from LangChain messages and tool schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BadRequestError
from ..tool_choice import ChoiceForm

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

    from ..base import ToolSchema


_CHOICES = ChoiceForm(
    {"auto": "auto", "any": "required", "none": "none"},
    lambda name: {"type": "function", "function": {"name": name}},
)


def request_body(
    model: str,
    messages: Sequence[AnyMessage],
    tools: Sequence[ToolSchema],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the body of a streaming request.

    Args:
        model: The model.
        messages: The conversation.
        tools: What the model may call.
        params: Further keys of the body; what is None is left out. `tool_choice` may be a word of
            ours, or the name of a tool.

    Raises:
        BadRequestError: When a message is of a kind that the protocol does not have.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [wire_message(message) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    body.update(params)
    body["tool_choice"] = _CHOICES.wire(body.get("tool_choice"), tools)
    return {name: value for name, value in body.items() if value is not None}


def wire_message(message: AnyMessage) -> dict[str, Any]:
    """Return a message as it goes over the wire.

    Raises:
        BadRequestError: When the protocol has no such message.
    """
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    if isinstance(message, SystemMessage):
        return {"role": "system", "content": message.text}
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": _human_content(message)}
    if isinstance(message, AIMessage):
        return _assistant(message)
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    raise BadRequestError(f"A {type(message).__name__} cannot be sent as a chat completion.")


def _human_content(message: AnyMessage) -> Any:
    """Return the text; of a message in parts (text, images), the parts."""
    if isinstance(message.content, str):
        return message.content
    from langchain_core.messages import convert_to_openai_messages

    return convert_to_openai_messages([message], text_format="block")[0]["content"]


def _assistant(message: AIMessage) -> dict[str, Any]:
    calls = [
        _call(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False))
        for call in message.tool_calls
    ]
    calls += [
        _call(call["id"], call["name"] or "", call["args"] or "")
        for call in message.invalid_tool_calls
    ]
    sent: dict[str, Any] = {"role": "assistant", "content": message.text}
    if calls:
        sent["content"] = message.text or None
        sent["tool_calls"] = calls
    return sent


def _call(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id or "", "type": "function", "function": function}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters)  # last: an enum may change
    return {"type": "function", "function": function}
