"""A conversation as Anthropic takes it.

Roles alternate, so neighbours of one role become one message; the results of tools come first in
the message behind their calls, all of one step together; nothing is blank. A message that this
server wrote goes back block by block as it came, with its thinking and its searches.

Thinking is bound to what stood before it (system, tools, messages): behind anything else the API
refuses it on newer models. Each message of our own tells what that was, as a digest; where it is
another now, the thinking stays behind, and so does all thinking after it.
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..echo import echoed
from ..errors import BadRequestError
from ..prefix import CachePoint, cache_points, split_stable
from .content import Block, is_markable, text_block, wire_blocks

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_MARK = {"type": "ephemeral"}
THINKING = ("thinking", "redacted_thinking")


class Conversation:
    """The messages of one request.

    Args:
        messages: The messages, as LangChain has them.
        writer: Whose messages go back as they came.
        head: What stands before all messages and is no message: the model and its tools.
        bound: Whether thinking is bound to what stands before it.

    Raises:
        BadRequestError: When a message is of a kind that the protocol does not have.
    """

    def __init__(
        self, messages: Sequence[AnyMessage], *, writer: str, head: object, bound: bool
    ) -> None:
        self.system: list[Block] = []
        self.messages: list[dict[str, Any]] = []
        self.container: str | None = None
        """The container that the last message of our own ran its code in."""
        self._writer, self._bound = writer, bound
        self._ids = _Ids()
        self._places: list[list[Block]] = []  # the blocks of each message, before merging
        self._seen = hashlib.blake2b(digest_size=12)
        self._note(head)
        for message in messages:
            if message.type == "system":
                self._note(message.text)
        for message in messages:
            self._add(message)
        for point in cache_points(messages):
            self._mark(messages, point)

    @property
    def digest(self) -> str:
        """What stands before the answer."""
        return self._seen.hexdigest()

    def _add(self, message: AnyMessage) -> None:
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

        if isinstance(message, SystemMessage):
            blocks = _blocks(message)
            self.system += blocks
        elif isinstance(message, HumanMessage):
            blocks = self._say("user", _blocks(message))
        elif isinstance(message, AIMessage):
            blocks = self._say("assistant", self._assistant(message))
        elif isinstance(message, ToolMessage):
            blocks = self._say("user", [self._result(message)])
        else:
            raise BadRequestError(f"A {type(message).__name__} cannot be sent to Claude.")
        self._places.append(blocks)

    def _say(self, role: str, blocks: list[Block]) -> list[Block]:
        if not blocks:
            return blocks
        self._note(blocks)
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != role:
            self.messages.append({"role": role, "content": list(blocks)})
            return blocks
        # A stable sort: results first, and everything else in its order.
        both = [*last["content"], *blocks]
        last["content"] = sorted(both, key=lambda block: block["type"] != "tool_result")
        return blocks

    def _note(self, said: object) -> None:
        self._seen.update(json.dumps(said, ensure_ascii=False, default=str).encode())

    # --- what the model said ------------------------------------------------------------------

    def _assistant(self, message: AIMessage) -> list[Block]:
        own = echoed(self._writer, message)
        if own is None:
            return self._foreign(message)
        kept = own[0]
        blocks: list[Block] = [dict(block) for block in kept["content"]]
        if kept["behind"] == self.digest:
            self.container = kept["container"] or self.container
        elif self._bound:
            blocks = [block for block in blocks if block["type"] not in THINKING]
        self._ids.keep([call["id"] or "" for call in message.tool_calls])
        return blocks

    def _foreign(self, message: AIMessage) -> list[Block]:
        blocks = [text_block(message.text)] if message.text.strip() else []
        calls: list[tuple[str | None, str, dict[str, Any]]] = [
            (call["id"], call["name"], call["args"]) for call in message.tool_calls
        ]
        calls += [
            (call["id"], call["name"] or "unknown", {"INVALID_JSON": call["args"] or ""})
            for call in message.invalid_tool_calls
        ]
        ids = self._ids.fit([call_id or "" for call_id, *_ in calls])
        for wire_id, (_, name, args) in zip(ids, calls, strict=True):
            blocks.append({"type": "tool_use", "id": wire_id, "name": name, "input": args})
        return blocks

    def _result(self, message: ToolMessage) -> Block:
        wire_id = self._ids.of(message.tool_call_id)
        result: Block = {"type": "tool_result", "tool_use_id": wire_id}
        content = _blocks(message)
        failed = message.status == "error"
        if failed:
            result["is_error"] = True
            content = content or [text_block("The tool failed.")]
        if len(content) == 1 and content[0]["type"] == "text":
            result["content"] = content[0]["text"]
        elif content:
            result["content"] = content
        return result

    # --- cache markers ------------------------------------------------------------------------

    def _mark(self, messages: Sequence[AnyMessage], point: CachePoint) -> None:
        blocks = self._places[point.message]
        if point.blocks is not None:
            stable, rest = split_stable(messages[point.message])
            blocks = blocks[: len(wire_blocks([*stable, *rest][: point.blocks]))]
        if blocks and is_markable(blocks[-1]):
            blocks[-1]["cache_control"] = _MARK


class _Ids:
    """Ids of tool calls, as the API takes them: of few characters, and each but once.

    A result names the call before it; calls of another provider, and of another step, may have
    had the same id.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._now: dict[str, str] = {}

    def keep(self, ids: Sequence[str]) -> None:
        """Take in the ids of a step that go as they came."""
        self._used.update(ids)
        self._now = {call_id: call_id for call_id in ids}

    def fit(self, ids: Sequence[str]) -> list[str]:
        """Return the ids of a step as they are sent."""
        if ids:
            self._now = {call_id: self._new(call_id) for call_id in ids}
        return [self._now[call_id] for call_id in ids]

    def of(self, call_id: str) -> str:
        """Return the id that a result names."""
        return self._now.get(call_id) or _NOT_IN_ID.sub("_", call_id)

    def _new(self, call_id: str) -> str:
        start = _NOT_IN_ID.sub("_", call_id) or "call"
        fitted, number = start, 2
        while fitted in self._used:
            fitted, number = f"{start}_{number}", number + 1
        self._used.add(fitted)
        return fitted


def _blocks(message: AnyMessage) -> list[Block]:
    stable, rest = split_stable(message)
    return wire_blocks([*stable, *rest])
