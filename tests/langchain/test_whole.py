"""A LangChain model within ours gets its messages back as it wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from massgraph import BackendChatModel
from massgraph.backends.errors import BadRequestError
from massgraph.backends.langchain import LangChainBackend
from tests.wire.server import LoopbackServer
from tests.wire.turn import WireTurn

WEATHER = {"title": "weather", "description": "Tells.", "type": "object", "properties": {}}
CALL = WireTurn(text="Let me see.", reasoning="Which city?", calls=[("weather", {})])


def model(server: LoopbackServer) -> BackendChatModel:
    inner: Any = ChatAnthropic(
        model_name="claude-opus-4-6",
        base_url=server.origin,
        api_key="k",  # type: ignore[arg-type]
        max_tokens_to_sample=4000,
        thinking={"type": "adaptive"},
        timeout=None,
        stop=None,
    )
    return BackendChatModel(backend=LangChainBackend(inner), max_retries=0)


def kinds(server: LoopbackServer) -> list[str]:
    """Return the blocks of the assistant's message in the last request."""
    assert server.refused == []
    [said] = [m for m in server.requests[-1].body["messages"] if m["role"] == "assistant"]
    content: Sequence[Any] = said["content"]
    return [said["content"]] if isinstance(content, str) else [part["type"] for part in content]


def test_signed_thinking_goes_back() -> None:
    """A call goes back behind its thinking; a message that was changed is not made undone."""
    with LoopbackServer([CALL, WireTurn(text="Sun.")]) as server:
        bound = model(server).bind_tools([WEATHER])
        said = bound.invoke("Weather?")
        assert isinstance(said, AIMessage)
        assert said.text == "Let me see."
        result = ToolMessage("Sun.", tool_call_id=said.tool_calls[0]["id"])
        conversation: list[BaseMessage] = [HumanMessage("Weather?"), said, result]
        assert bound.invoke(conversation).text == "Sun."
        assert kinds(server) == ["thinking", "text", "tool_use"]
        changed = AIMessage.model_copy(said, update={"content": "I will look it up."})
        with pytest.raises(BadRequestError, match="Expected `thinking`"):
            bound.invoke([HumanMessage("Weather?"), changed, result])
        assert server.requests[-1].body["messages"][1]["content"][0]["text"] == changed.text
