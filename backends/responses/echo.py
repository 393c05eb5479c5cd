"""What a response said, kept so that it can be sent back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..echo import echo

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, ToolCall

Item = dict[str, Any]

_SENT_BACK: Mapping[str, tuple[str, ...]] = {
    "message": ("type", "id", "role", "status", "content", "phase"),
    "reasoning": ("type", "id", "summary", "content", "encrypted_content"),
    "function_call": ("type", "id", "call_id", "name", "arguments", "namespace"),
    "web_search_call": ("type", "id", "status", "action"),
    "code_interpreter_call": ("type", "id", "status", "code", "container_id", "outputs"),
}
"""Keys of output items that are keys of input items, too (`openai.types.responses.*_param`)."""
_NOT_SENT_BACK = ("logprobs", "parsed")
"""Keys of a message's parts that are output alone."""


def kept_message(echo_key: str, items: Sequence[Item], text: str) -> AIMessage | None:
    """Return the message that goes back as it came, or None when text and calls say it all.

    Args:
        echo_key: Under which name it is kept (see `echo`).
        items: The response's output.
        text: Its text.
    """
    kept, calls = sent_back(items), _tool_calls(items)
    if kept is None or calls is None:
        return None
    return echo(echo_key, kept, text, calls)


def sent_back(items: Sequence[Item]) -> list[Item] | None:
    """Return output items as they can be sent back, or None when text and calls say it all.

    Reasoning that the server did not hand out cannot be sent back, nor what was built on it: then
    text and calls are all that there is. Reasoning that nothing follows is refused.
    """
    kept = list(items)
    while kept and kept[-1].get("type") == "reasoning":
        kept.pop()
    if any(item.get("type") == "reasoning" and not item.get("encrypted_content") for item in kept):
        return None
    if all(_is_plain(item) for item in kept):
        return None
    return [_sent_back(item) for item in kept]


def _is_plain(item: Item) -> bool:
    return item.get("type") in ("message", "function_call") and not item.get("phase")


def _sent_back(item: Item) -> Item:
    names = _SENT_BACK.get(str(item.get("type")), tuple(item))
    kept = {name: item[name] for name in names if item.get(name) is not None}
    if item.get("type") == "message":
        kept["content"] = [_part_sent_back(part) for part in kept.get("content") or ()]
    return kept


def _part_sent_back(part: Mapping[str, Any]) -> Item:
    return {name: value for name, value in part.items() if name not in _NOT_SENT_BACK}


def _tool_calls(items: Sequence[Item]) -> list[ToolCall] | None:
    """Return the calls of the output, or None when one is none; the fold says what is wrong."""
    from langchain_core.messages import ToolCall

    calls: list[ToolCall] = []
    for item in items:
        if item.get("type") != "function_call":
            continue
        try:
            args: object = json.loads(item.get("arguments") or "{}")
        except (ValueError, RecursionError):
            return None
        name, call_id = item.get("name"), item.get("call_id")
        if not isinstance(args, dict) or not name or not call_id:
            return None
        named = cast("dict[str, Any]", args)
        calls.append(ToolCall(name=name, args=named, id=call_id, type="tool_call"))
    return calls
