"""The input of a Responses request, made from LangChain messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from ..echo import echoed
from ..errors import BadRequestError
from ..prefix import cache_points, split_stable

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

Item = dict[str, Any]


def input_items(
    messages: Sequence[AnyMessage], *, echo_key: str, breakpoints: bool = False
) -> list[Item]:
    """Return the input items of a conversation.

    Args:
        messages: The conversation.
        echo_key: Under which name the own messages were kept (see `echo`).
        breakpoints: Whether the model's cache is looked up at explicit breakpoints alone.

    Raises:
        BadRequestError: When a message is of a kind that the protocol does not have.
    """
    marks = _marks(messages) if breakpoints else {}
    items: list[Item] = []
    for number, message in enumerate(messages):
        sent = list(_items(message, echo_key, as_parts=breakpoints))
        if number in marks:
            _mark(sent, marks[number])
        items += sent
    return items


# --- messages ------------------------------------------------------------------------------------


def _items(message: AnyMessage, echo_key: str, *, as_parts: bool) -> Iterator[Item]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    if isinstance(message, AIMessage):
        yield from echoed(echo_key, message) or _assistant(message)
    elif isinstance(message, SystemMessage):
        yield _said("system", [_text(message.text)])
    elif isinstance(message, HumanMessage):
        yield _said("user", _human_parts(message, split=as_parts))
    elif isinstance(message, ToolMessage):
        output = [_text(message.text)] if as_parts else message.text
        yield {
            "type": "function_call_output",
            "call_id": message.tool_call_id,
            "output": output,
        }
    else:
        raise BadRequestError(f"A {type(message).__name__} cannot be sent as an input item.")


def _said(role: str, parts: list[Item]) -> Item:
    return {"type": "message", "role": role, "content": parts or [_text("")]}


def _text(text: str) -> Item:
    return {"type": "input_text", "text": text}


def _human_parts(message: AnyMessage, *, split: bool) -> list[Item]:
    """Return the parts of a message; a text is cut where it may change, if `split` says so."""
    content = cast("str | list[str | Item]", message.content)
    if isinstance(content, str) and not split:
        return [_text(content)]
    stable, rest = split_stable(message)
    return [_part(block) for block in (*stable, *rest)]


def _part(block: Mapping[str, Any]) -> Item:
    if block.get("type") == "text":
        return _text(block["text"])
    from langchain_core.messages import HumanMessage, convert_to_openai_messages

    whole = HumanMessage([dict(block)])
    converted = convert_to_openai_messages([whole], text_format="block")[0]["content"][0]
    if converted.get("type") == "image_url":
        image = converted["image_url"]
        detail = image.get("detail", "auto")
        return {"type": "input_image", "image_url": image["url"], "detail": detail}
    if converted.get("type") == "file":
        return {"type": "input_file", **converted["file"]}
    raise BadRequestError(f"A part of the type {block.get('type')!r} cannot be sent as input.")


def _assistant(message: AIMessage) -> Iterator[Item]:
    """Yield what another model, or another provider, said: text and calls."""
    if message.text:
        yield {"type": "message", "role": "assistant", "content": message.text}
    for call in message.tool_calls:
        yield _call(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False))
    for broken in message.invalid_tool_calls:
        yield _call(broken["id"], broken["name"] or "", broken["args"] or "")


def _call(call_id: str | None, name: str, arguments: str) -> Item:
    return {
        "type": "function_call",
        "call_id": call_id or "",
        "name": name,
        "arguments": arguments,
    }


# --- breakpoints ---------------------------------------------------------------------------------


def _marks(messages: Sequence[AnyMessage]) -> dict[int, int | None]:
    """Return where breakpoints belong: message -> how many of its parts stand before it.

    Beside the places that pay for any provider, these are the ends of what earlier requests of
    the same conversation have sent: the server looks up nothing but what is marked now, and writes
    the latest four alone.
    """
    points = {point.message: point.blocks for point in cache_points(messages)}
    ends = [n for n, pair in enumerate(pairwise(messages)) if _was_an_end(*pair)]
    return {**dict.fromkeys(ends), **points}


def _was_an_end(said: AnyMessage, answer: AnyMessage) -> bool:
    return said.type in ("human", "tool") and answer.type == "ai"


def _mark(items: list[Item], parts: int | None) -> None:
    """Put a breakpoint behind this many parts of a message, or behind all."""
    last = items[-1] if items else {}
    content = last.get("output" if last.get("type") == "function_call_output" else "content")
    if isinstance(content, list) and content and last.get("role") != "assistant":
        part = content[(parts or len(content)) - 1]
        part["prompt_cache_breakpoint"] = {"mode": "explicit"}
