"""The contract: the provider's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage

from massgraph.backends.base import BuiltinTool
from massgraph.backends.fold import Turn, fold
from tests.wire.turn import WireTurn

from .asking import QUESTION, WEATHER, collect
from .harness import Part

URL = "https://weather.example/ulm?a=1&b=ü"
TITLE = "Weather in Ulm"
USES: Mapping[BuiltinTool, WireTurn] = {
    "web_search": WireTurn(
        text="It rains in Ulm.",
        searches=[("weather ulm 🌧", [(URL, TITLE)])],
        citations=[(URL, TITLE, "rains")],
    ),
    "code_execution": WireTurn(text="It is 4.", code_runs=[("print(2 + 2)", "4\n")]),
    "url_context": WireTurn(text="It rains.", fetches=[(URL, "It rains in Ulm.")]),
}


class BuiltinTools(Part):
    """What the provider's own tools did is told in one form, and goes back."""

    async def test_web_search(self) -> None:
        """A search is told with its words and the pages it found, a citation with its page."""
        turn = await self._using("web_search")
        search = _result(turn, "web_search")
        assert search["queries"] == ["weather ulm 🌧"]
        assert [source["url"] for source in search["sources"]] == [URL]
        assert [source["url"] for source in _result(turn, "citation")["sources"]] == [URL]

    async def test_code_execution(self) -> None:
        """Code that ran is told with what it printed."""
        ran = _result(await self._using("code_execution"), "code_execution")
        assert ran["code"] == "print(2 + 2)"
        assert ran["output"].strip() == "4"

    async def test_url_context(self) -> None:
        """A page that was read is told."""
        read = _result(await self._using("url_context"), "url_context")
        assert [source["url"] for source in read["sources"]] == [URL]

    @pytest.mark.parametrize("calls", [(), [("weather", {"city": "Ulm"})]], ids=["text", "call"])
    @pytest.mark.parametrize("tool", [*USES])
    async def test_what_was_done_goes_back(self, tool: BuiltinTool, calls: Any) -> None:
        """The next request, with the message as it came, is accepted; so are results of calls."""
        switch = self._switch(tool)
        said = USES[tool]
        used = WireTurn(
            text=said.text,
            reasoning="Hm." if self.harness.can.reasoning else "",
            searches=said.searches,
            code_runs=said.code_runs,
            fetches=said.fetches,
            citations=said.citations,
            calls=calls,
        )
        async with self.harness.opened(used, WireTurn(text="Yes."), **switch) as backend:
            turn = fold(await collect(backend, WEATHER))
            messages: list[AnyMessage] = [*QUESTION, turn.message]
            messages += [backend.tool_result_message(call, "Rain.") for call in turn.tool_calls]
            if not calls:
                messages.append(HumanMessage("Are you sure?"))
            again = fold(await collect(backend, WEATHER, messages=messages))
        assert len(turn.tool_calls) == len(calls)
        assert again.text == "Yes."

    async def _using(self, tool: BuiltinTool) -> Turn:
        async with self.harness.opened(USES[tool], **self._switch(tool)) as backend:
            assert tool in backend.supported_builtin_tools
            turn = fold(await collect(backend, WEATHER))
        assert turn.text == USES[tool].text
        return turn

    def _switch(self, tool: BuiltinTool) -> dict[str, Any]:
        """Return the argument that switches a tool on; skip the test if there is none."""
        argument = self.harness.can.builtin.get(tool)
        if argument is None:
            pytest.skip(f"not builtin: {tool}")
        return {argument: True}


def _result(turn: Turn, kind: str) -> Any:
    """Return the only result of a kind."""
    [result] = [one for one in turn.builtin_tool_results if one["type"] == kind]
    return result
