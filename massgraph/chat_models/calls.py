"""Tool calls in LangChain's messages: their pieces in order, and the whole ones in the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    InvalidToolCall,
    ToolCall,
    message_chunk_to_message,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from ..backends.chunks import ToolCallDeltaChunk, ToolCallsChunk
from ..backends.fold import TurnFold

if TYPE_CHECKING:
    from langchain_core.messages.tool import ToolCallChunk


class CallPieces:
    """Gives the pieces of tool calls one index a call, and an id and a name in the first of them.

    Servers number them in many ways, which the fold of a turn knows; LangChain adds up what has
    one index.
    """

    def __init__(self) -> None:
        self._fold = TurnFold()
        self._place: dict[int, int] = {}
        self._early: dict[int, ToolCallDeltaChunk] = {}

    def add(self, piece: ToolCallDeltaChunk) -> ToolCallChunk | None:
        """Return a piece as LangChain has it; None while the name of its call is not known."""
        known = len(self._fold.called)
        self._fold.add(piece)
        if len(self._fold.called) > known:
            self._place[piece.index] = known
            early = self._early.pop(piece.index, ToolCallDeltaChunk(piece.index))
            return tool_call_chunk(
                name=self._fold.called[-1],
                args=early.arguments + piece.arguments,
                id=piece.id or early.id or f"call_{known}",
                index=known,
            )
        if piece.index not in self._place:
            early = self._early.get(piece.index, ToolCallDeltaChunk(piece.index))
            self._early[piece.index] = ToolCallDeltaChunk(
                piece.index, early.id or piece.id, None, early.arguments + piece.arguments
            )
            return None
        return tool_call_chunk(args=piece.arguments, index=self._place[piece.index])

    def whole(self, chunk: ToolCallsChunk) -> list[ToolCallChunk]:
        """Return whole calls as pieces."""
        pieces: list[ToolCallChunk] = []
        for call in chunk.tool_calls:
            number = len(self._fold.called)
            args = json.dumps(call["args"], ensure_ascii=False)
            self._fold.add(ToolCallDeltaChunk(-1 - number, call["id"], call["name"], args))
            call_id = call["id"] or f"call_{number}"
            pieces.append(tool_call_chunk(name=call["name"], args=args, id=call_id, index=number))
        return pieces


def finished(pieces: Sequence[AIMessageChunk]) -> AIMessage:
    """Return the message that chunks add up to.

    LangChain completes broken JSON while a message streams. Of a whole one, arguments that are no
    JSON object are an invalid tool call.
    """
    first, *rest = pieces
    whole = first + list(rest)
    message = cast("AIMessage", message_chunk_to_message(whole))
    calls: list[ToolCall] = []
    broken: list[InvalidToolCall] = []
    for piece in whole.tool_call_chunks:
        _sort(piece, calls, broken)
    return message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": broken})


def _sort(piece: ToolCallChunk, calls: list[ToolCall], broken: list[InvalidToolCall]) -> None:
    name, text, call_id = piece["name"], piece["args"] or "", piece["id"]
    try:
        args: object = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as exc:
        broken.append(invalid_tool_call(name=name, args=text, id=call_id, error=str(exc)))
        return
    if isinstance(args, dict):
        calls.append(tool_call(name=name or "", args=args, id=call_id))
    else:
        error = "The arguments are not a JSON object."
        broken.append(invalid_tool_call(name=name, args=text, id=call_id, error=error))
