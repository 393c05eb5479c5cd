"""Messages that go back to their provider as they came."""

from __future__ import annotations

from langchain_core.messages import AIMessage, ToolCall

from massgraph.backends.chunks import CompleteMessageChunk, DoneChunk, ToolCallsChunk
from massgraph.backends.echo import echo, echoed
from massgraph.backends.fold import fold

CALL = ToolCall(name="f", args={}, id="a", type="tool_call")
ITEMS = [{"type": "thinking", "signature": "c2ln"}, {"type": "tool_use", "id": "a"}]


def test_only_its_own_provider_gets_it_back() -> None:
    """The provider that wrote a message gets its items; others see text and calls alone."""
    message = echo("claude", ITEMS, "Hm.", [CALL])
    assert echoed("claude", message) == ITEMS
    assert echoed("openai", message) is None
    assert (message.text, message.tool_calls) == ("Hm.", [CALL])
    assert echoed("claude", AIMessage("Hm.")) is None


def test_a_message_whose_calls_were_renamed_is_not_echoed() -> None:
    """Two calls with one id get ids of their own, and then the provider's items no longer fit."""
    twice = (CALL, CALL)
    message = CompleteMessageChunk(echo("claude", ITEMS, "", twice))
    turn = fold([ToolCallsChunk((CALL,)), message, DoneChunk("tool_calls")])
    assert echoed("claude", turn.message) is None
    assert turn.message.tool_calls == [CALL]
    message = CompleteMessageChunk(echo("claude", ITEMS, "", [CALL]))
    turn = fold([ToolCallsChunk((CALL,)), message, DoneChunk("tool_calls")])
    assert echoed("claude", turn.message) == ITEMS
