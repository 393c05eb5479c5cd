"""The contract: conversations that go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.echo import echo
from massgraph.backends.fold import Turn, fold
from tests.wire.turn import WireTurn

from .asking import QUESTION, TEXT, WEATHER, collect
from .harness import Part

SEAL = "aWduZWQgYnkgdGhlIHdpcmU"
"""How everything ends that the wire has signed."""
TWO = [("weather", {"city": "Ulm"}), ("weather", {"city": "Xx"})]


class Conversations(Part):
    """What was said goes back in the provider's own form, and is accepted."""

    async def test_a_conversation_with_results(self) -> None:
        """A conversation with calls and their results is accepted, errors included."""
        async with self.harness.opened(WireTurn(text="Rain, then.")) as backend:
            first = ToolCall(name="weather", args={"city": "Ulm"}, id="a", type="tool_call")
            second = ToolCall(name="weather", args={"city": "Xx"}, id="b", type="tool_call")
            messages: list[AnyMessage] = [
                *QUESTION,
                AIMessage("", tool_calls=[first, second]),
                backend.tool_result_message(first, "Rain."),
                backend.tool_result_message(second, "No such city.", error=True),
                AIMessage("It rains in Ulm."),
                HumanMessage("Are you sure?"),
            ]
            turn = fold(await collect(backend, WEATHER, messages=messages))
        assert turn.text or turn.tool_calls
        assert isinstance(messages[3], ToolMessage)
        assert backend.tool_result_content(messages[3]) == "Rain."

    async def test_a_round_trip(self) -> None:
        """Calls, their results in any order, one of them an error, more calls, and an answer."""
        self.harness.needs()
        turns = [
            WireTurn(text="Let me see.", calls=TWO),
            WireTurn(calls=TWO[:1]),
            WireTurn(text="Rain."),
        ]
        async with self.harness.opened(*turns) as backend:
            messages = list(QUESTION)
            said = [await self._goes_on(backend, messages) for _ in turns]
            messages.append(HumanMessage("Are you sure?"))
            last = fold(await collect(backend, WEATHER, messages=messages))
        assert [len(turn.tool_calls) for turn in said] == [2, 1, 0]
        assert last.text == "Rain."

    async def test_thoughts_go_back(self) -> None:
        """What a model thought before a call goes back with the results, as it was sealed."""
        self.harness.needs("sealed")
        turn = WireTurn(reasoning="Hm, 🤔", calls=TWO)
        async with self.harness.opened(turn, WireTurn(text="Rain.")) as backend:
            messages = list(QUESTION)
            await self._goes_on(backend, messages)
            await self._goes_on(backend, messages)
        first, second = map(json.dumps, self.harness.sent)
        assert SEAL not in first
        assert SEAL in second

    async def test_a_message_of_another_provider(self) -> None:
        """What another provider wrote is understood: its text, its calls, not its own items."""
        call = ToolCall(
            name="weather", args={"city": "Ulm"}, id="functions.weather:0", type="tool_call"
        )
        items = [{"type": "thinking", "thinking": "Hm.", "signature": "theirs"}]
        async with self.harness.opened(WireTurn(text="Rain, then.")) as backend:
            messages: list[AnyMessage] = [
                *QUESTION,
                echo("another", items, "Let me see.", [call]),
                backend.tool_result_message(call, "Rain."),
                echo("another", items, "It rains.", []),
                HumanMessage("Are you sure?"),
            ]
            turn = fold(await collect(backend, WEATHER, messages=messages))
        assert turn.text or turn.tool_calls
        for body in self.harness.sent:
            assert "theirs" not in json.dumps(body)
            assert _missing(body, "Let me see.", "Rain.", "It rains.") == []

    async def test_every_character_arrives(self) -> None:
        """The provider gets each text byte for byte: instructions, question, schema, results."""
        self.harness.needs("wire")
        texts = {place: f"{place}: {TEXT}." for place in ("system", "user", "tool", "result")}
        tool = ToolSchema("weather", texts["tool"], WEATHER.parameters)
        call = ToolCall(name="weather", args={"city": TEXT}, id="a", type="tool_call")
        async with self.harness.opened(WireTurn(text="Yes.")) as backend:
            messages: list[AnyMessage] = [
                SystemMessage(texts["system"]),
                HumanMessage(texts["user"]),
                AIMessage("", tool_calls=[call]),
                backend.tool_result_message(call, texts["result"]),
            ]
            await collect(backend, tool, messages=messages)
        assert _missing(self.harness.sent[0], *texts.values()) == []

    async def _goes_on(self, backend: LLMBackend, messages: list[AnyMessage]) -> Turn:
        """Call once, and add the answer and the results of its calls, the last one first."""
        turn = fold(await collect(backend, WEATHER, messages=messages))
        messages.append(turn.message)
        for call in reversed(turn.tool_calls):
            wrong = call["args"]["city"] == "Xx"
            content = "No such city." if wrong else "Rain."
            messages.append(backend.tool_result_message(call, content, error=wrong))
        return turn


def _missing(body: Any, *texts: str) -> list[str]:
    """Return which texts a body does not hold, be it as they are or in JSON within a text."""
    held = "\0".join(_texts(body))
    return [
        text
        for text in texts
        if text not in held and json.dumps(text, ensure_ascii=False)[1:-1] not in held
    ]


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a body."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
