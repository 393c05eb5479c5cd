"""Which conversations Anthropic's Messages refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .reply import Request
from .turn import seal

ID = re.compile(r"[a-zA-Z0-9_-]+")
OUR_ID = re.compile(r"toolu_\d+_\d+(_thought)?")
KEYS_OF: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "citations", "cache_control"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset(
        {"type", "id", "name", "input", "cache_control", "caller", "toolset_name"}
    ),
    "server_tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
}
"""The keys that a block may have."""
RESULTS = (
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
)
BLOCKS: Mapping[str, frozenset[str]] = {
    "user": frozenset({"text", "image", "document", "search_result", "tool_result"}),
    "assistant": frozenset({*KEYS_OF, *RESULTS, "container_upload"} - {"tool_result"}),
    "system": frozenset({"text"}),
}
"""The blocks that a message of each role may hold."""

Message = tuple[str, list[Any]]


def conversation(request: Request) -> Iterator[str]:
    """Refuse a conversation that does not hold together."""
    messages = request.body.get("messages")
    if not messages:
        yield "messages: at least one message is required"
        return
    for index, message in enumerate(messages):
        yield from _message(message, f"messages.{index}")
    turns = _turns(messages)
    if turns[0][0] != "user":
        yield 'messages: first message must use the "user" role'
    yield from _calls(turns)
    yield from _uses_of_server(turns)
    yield from _last(turns)
    thinking = (request.body.get("thinking") or {}).get("type")
    if thinking != "disabled":
        yield from _thought_first(turns, sure=thinking == "enabled")


def _message(message: Mapping[str, Any], where: str) -> Iterator[str]:
    if message.get("role") not in BLOCKS:
        yield f"{where}.role: Input should be 'user' or 'assistant'"
        return
    for key in set(message) - {"role", "content"}:
        yield f"{where}.{key}: Extra inputs are not permitted"
    content = message.get("content")
    if not content:
        yield f"{where}: all messages must have non-empty content"
        return
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for index, block in enumerate(blocks):
        yield from block_problems(block, message["role"], f"{where}.content.{index}")


def block_problems(block: Mapping[str, Any], role: str, where: str) -> Iterator[str]:
    """Refuse a block that a message of this role may not hold, or not so."""
    kind = block["type"]
    if kind not in BLOCKS[role]:
        yield f"{where}: Input tag {kind!r} is not allowed for the role {role!r}"
    for key in set(block) - KEYS_OF.get(kind, frozenset(block)):
        yield f"{where}.{kind}.{key}: Extra inputs are not permitted"
    if kind == "text" and not block["text"].strip():
        yield f"{where}: text content blocks must contain non-whitespace text"
    if kind == "thinking" and block["signature"] != seal("thinking", block["thinking"]):
        yield f"{where}: Invalid `signature` in `thinking` block"
    if kind == "redacted_thinking" and block["data"] != seal("redacted"):
        yield f"{where}: Invalid `data` in `redacted_thinking` block"
    if kind in ("tool_use", "server_tool_use"):
        yield from _use(block, where)
    if kind == "tool_result":
        yield from _result(block, where)


def _use(block: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = block["type"]
    if not isinstance(block["input"], dict):
        yield f"{where}.{kind}.input: Input should be a valid dictionary"
    if not ID.fullmatch(block["id"]):
        yield f"{where}.{kind}.id: String should match pattern '^[a-zA-Z0-9_-]+$'"


def _result(block: Mapping[str, Any], where: str) -> Iterator[str]:
    content = block.get("content")
    if block.get("is_error") and not content:
        yield f"{where}.tool_result: content cannot be empty if `is_error` is true"
    if isinstance(content, list):
        for index, inner in enumerate(content):
            yield from block_problems(inner, "user", f"{where}.tool_result.content.{index}")


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return (role, blocks) of the messages, neighbours of one role as one."""
    turns: list[Message] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1][0] == message["role"]:
            turns[-1] = (turns[-1][0], [*turns[-1][1], *blocks])
        else:
            turns.append((message["role"], list(blocks)))
    return turns


def _ids(blocks: Sequence[Mapping[str, Any]], kind: str, key: str = "id") -> list[str]:
    return [block[key] for block in blocks if block["type"] == kind]


def _calls(turns: Sequence[Message]) -> Iterator[str]:
    """Demand that every call is answered at the head of the next message, and nothing else is."""
    asked: list[str] = []
    seen: set[str] = set()
    for role, blocks in [*turns, ("user", [])]:
        answered = _ids(blocks, "tool_result", "tool_use_id")
        if role == "system":
            continue
        for used in answered:
            if used not in asked or answered.count(used) > 1:
                yield f"unexpected `tool_use_id` found in `tool_result` blocks: {used}"
        if set(asked) - set(answered):
            missing = sorted(set(asked) - set(answered))
            yield (
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{missing}"
            )
        if any(block["type"] != "tool_result" for block in blocks[: len(answered)]):
            yield "`tool_result` blocks must come first in the content after a `tool_use`"
        asked = _ids(blocks, "tool_use")
        if len(set(asked)) < len(asked) or seen & set(asked):
            yield "`tool_use` ids must be unique"
        seen |= set(asked)


def _uses_of_server(turns: Sequence[Message]) -> Iterator[str]:
    """Demand that each server tool use has its result, but for one the model was stopped at."""
    for index, (_, blocks) in enumerate(turns):
        open_uses: list[str] = []
        for block in blocks:
            if block["type"] == "server_tool_use":
                open_uses.append(block["id"])
            elif block["type"] in RESULTS:
                if block["tool_use_id"] not in open_uses:
                    yield f"{block['type']} has no server_tool_use: {block['tool_use_id']}"
                else:
                    open_uses.remove(block["tool_use_id"])
        if open_uses and index < len(turns) - 1:
            yield f"server_tool_use without its result: {open_uses}"


def _last(turns: Sequence[Message]) -> Iterator[str]:
    role, blocks = turns[-1]
    if role == "assistant" and not _ids(blocks, "server_tool_use"):
        yield (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )


def _thought_first(turns: Sequence[Message], *, sure: bool) -> Iterator[str]:
    """Demand thinking before the calls of the turn that goes on.

    Args:
        turns: The conversation.
        sure: Whether the model always thinks; else only ids made after a thought tell.
    """
    plain = [
        index
        for index, (role, blocks) in enumerate(turns)
        if role == "user" and not _ids(blocks, "tool_result", "tool_use_id")
    ]
    for role, blocks in turns[plain[-1] if plain else 0 :]:
        uses = _ids(blocks, "tool_use")
        thought = any(
            used.endswith("_thought") or (sure and not OUR_ID.fullmatch(used)) for used in uses
        )
        first = blocks[0]["type"] if blocks else ""
        if role == "assistant" and thought and first not in ("thinking", "redacted_thinking"):
            yield (
                f"Expected `thinking` or `redacted_thinking`, but found `{first}`. When thinking "
                "is enabled, a final assistant message must start with a thinking block."
            )
