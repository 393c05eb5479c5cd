"""A conversation as a small chat model takes it: plain text in turns, without tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BadRequestError

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

ChatMessage = dict[str, str]
"""`role` and `content`, as a chat template takes them."""

# What chat templates use to open and close a turn. The engine reads these marks in contents too.
_TURN_MARK = re.compile(r"<(?=\|[^|<>\s]{1,40}\|>|(?:start|end)_of_turn>)")


def chat_messages(messages: Sequence[AnyMessage]) -> list[ChatMessage]:
    """Translate a conversation.

    Tool calls become the JSON that asked for them and results become the user's words, because
    templates of small models know no tools. Neighbours of one role become one message: many
    templates insist on turns. A system message counts as one at the beginning only.

    Raises:
        BadRequestError: When there is nothing to say, or something that is not text.
    """
    turns: list[ChatMessage] = []
    for message in messages:
        role, content = _turn(message, first=not turns)
        turns = said(turns, role, content)
    if not any(turn["role"] != "system" for turn in turns):
        raise BadRequestError("The conversation holds no message to answer.")
    if turns[-1]["role"] == "assistant":
        turns = said(turns, "user", "Go on.")
    return turns


def said(turns: Sequence[ChatMessage], role: str, content: str) -> list[ChatMessage]:
    """Return the turns with one more; the last one is continued when it has the same role."""
    if turns and turns[-1]["role"] == role:
        last = {"role": role, "content": f"{turns[-1]['content']}\n\n{content}"}
        return [*turns[:-1], last]
    return [*turns, {"role": role, "content": content}]


def call_text(tool: str, args: Mapping[str, Any]) -> str:
    """Return a tool call as text."""
    return json.dumps({"tool": tool, **args}, ensure_ascii=False, default=str)


def _turn(message: AnyMessage, *, first: bool) -> tuple[str, str]:
    text = _plain(message.text)
    match message.type:
        case "system":
            return ("system" if first else "user"), text
        case "ai":
            calls = [_plain(call_text(call["name"], call["args"])) for call in message.tool_calls]
            return "assistant", "\n".join([text, *calls] if text else calls)
        case "tool":
            kind = "Error from" if message.status == "error" else "Result of"
            return "user", f"{kind} {message.name or 'the tool'}: {text}"
        case _:
            _check_text(message)
            return "user", text


def _plain(text: str) -> str:
    """Return the text so that it cannot end its turn, and as valid UTF-8."""
    defused = _TURN_MARK.sub("< ", text)
    return defused.encode("utf-8", "replace").decode("utf-8")


def _check_text(message: AnyMessage) -> None:
    content = message.content
    if isinstance(content, str):
        return
    for block in content:
        if isinstance(block, dict) and block.get("type") not in ("text", None):
            raise BadRequestError(f"The embedded model reads text only, not {block['type']!r}.")
