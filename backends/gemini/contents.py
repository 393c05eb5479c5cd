"""A conversation as the Gemini API takes it: contents of the two roles, made of parts.

Messages that a Gemini model wrote go back part by part, with their signatures and ids. Those of
other models go as text and calls; the first call of each such step carries the signature that the
API documents for calls which no model of its own has made.

https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..echo import echoed
from ..errors import BadRequestError
from .structured import told_call, told_result

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

Part = dict[str, Any]
Content = dict[str, Any]

PROVIDER = "gemini"
_UNSIGNED = "skip_thought_signature_validator"


class _Asked(NamedTuple):
    """A call that waits for its result: our id, the tool, and the id that the API knows."""

    ours: str | None
    name: str
    theirs: str | None


class Conversation:
    """Makes contents of messages.

    Args:
        native: Whether calls and results go as such, and not in words.
        signs: Whether the model wants its signatures back.
        system: Whether it takes a system instruction; without one, it is the user who says it.
    """

    def __init__(self, *, native: bool, signs: bool, system: bool) -> None:
        self._native, self._signs, self._takes_system = native, signs, system
        self.system: list[Part] = []
        """The parts of the system instruction."""
        self.contents: list[Content] = []
        """The conversation."""
        self._asked: list[_Asked] = []

    def instruct(self, text: str) -> None:
        """Add to the system instruction."""
        if not text:
            return
        if self._takes_system and not self.contents:
            self.system.append({"text": text})
        else:
            self._add("user", [{"text": text}])

    def add(self, messages: Sequence[AnyMessage]) -> None:
        """Add messages, in order.

        Raises:
            BadRequestError: When the API has no such message.
        """
        for kind, group in groupby(messages, key=lambda message: message.type):
            if kind == "tool":
                self._add("user", [*self._results(cast("Iterator[ToolMessage]", group))])
                continue
            for message in group:
                self._add_one(message)

    def _add_one(self, message: AnyMessage) -> None:
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        if isinstance(message, SystemMessage):
            self.instruct(message.text)
        elif isinstance(message, HumanMessage):
            self._add("user", list(_human(message)))
        elif isinstance(message, AIMessage):
            self._add("model", self._answer(message))
        else:
            raise BadRequestError(f"A {type(message).__name__} cannot be sent to Gemini.")

    def _add(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"].extend(parts)
        else:
            self.contents.append({"role": role, "parts": parts})

    # --- what the model said -------------------------------------------------------------------

    def _answer(self, message: AIMessage) -> list[Part]:
        items = echoed(PROVIDER, message)
        if items is None or (message.tool_calls and self._native == _is_in_words(items)):
            parts = list(self._foreign(message))
        else:
            parts = [dict(item) for item in items]
        calls = [part for part in parts if "functionCall" in part]
        if calls and self._signs:
            calls[0].setdefault("thoughtSignature", _UNSIGNED)
        theirs = [call["functionCall"].get("id") for call in calls]
        theirs += [None] * len(message.tool_calls)
        self._asked = [
            _Asked(call["id"], call["name"], their_id)
            for call, their_id in zip(message.tool_calls, theirs, strict=False)
        ]
        return parts

    def _foreign(self, message: AIMessage) -> Iterator[Part]:
        if message.text:
            yield {"text": message.text}
        for call in message.tool_calls:
            if not self._native:
                yield {"text": told_call(call["name"], call["args"])}
                continue
            function = {"id": call["id"], "name": call["name"], "args": call["args"]}
            yield {"functionCall": {key: value for key, value in function.items() if value}}

    # --- what its tools answered ---------------------------------------------------------------

    def _results(self, messages: Iterator[ToolMessage]) -> Iterator[Part]:
        """Yield the results of one step, in the order of the calls that they answer."""
        order = [asked.ours for asked in self._asked]
        for message in sorted(messages, key=lambda message: _index(order, message.tool_call_id)):
            asked = next((a for a in self._asked if a.ours == message.tool_call_id), None)
            name = asked.name if asked else message.name or "tool"
            if not self._native:
                yield {"text": told_result(name, message)}
                continue
            key = "error" if message.status == "error" else "output"
            result: dict[str, Any] = {"name": name, "response": {key: message.text}}
            if asked and asked.theirs:
                result = {"id": asked.theirs, **result}
            yield {"functionResponse": result}


def _index(order: list[str | None], wanted: str) -> int:
    return order.index(wanted) if wanted in order else len(order)


def _is_in_words(items: Sequence[Part]) -> bool:
    return not any("functionCall" in item for item in items)


def _human(message: AnyMessage) -> Iterator[Part]:
    if isinstance(message.content, str):
        if message.content:
            yield {"text": message.content}
        return
    for block in message.content_blocks:
        part = _media(cast("dict[str, Any]", block))
        if part != {"text": ""}:
            yield part


def _media(block: dict[str, Any]) -> Part:
    kind, mime = str(block.get("type", "")), block.get("mime_type")
    if kind == "text":
        return {"text": block["text"]}
    if kind == "text-plain" and block.get("text"):
        return {"text": block["text"]}
    if "base64" in block and mime:
        return {"inlineData": {"mimeType": mime, "data": block["base64"]}}
    if block.get("url"):
        return {"fileData": {"fileUri": block["url"], **({"mimeType": mime} if mime else {})}}
    raise BadRequestError(f"A block of the type {kind!r} cannot be sent to Gemini.")
