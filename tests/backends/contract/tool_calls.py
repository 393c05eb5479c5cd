"""The contract: tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from massgraph.backends.fold import Turn, fold
from tests.wire.reply import Frame, Reply, Request
from tests.wire.routes import protocol_of
from tests.wire.turn import WireTurn

from .asking import TEXT, WEATHER, collect
from .harness import Part, WireHarness

CITIES: list[dict[str, Any]] = [
    {"city": TEXT},
    {"city": "", "größe 📏": [1, 2.5, None, True, {"x": {}}]},
    {"city": "Ulm"},
]
ESCAPED = r'{"city": "\ud83d\ude42 \"quoted\" \\ \u00fc\n"}'
"""JSON that must not be read before it is whole: pairs of escapes, escaped quotes."""


class ToolCalls(Part):
    """Tool calls come through whole, whatever their pieces."""

    async def test_one_call(self) -> None:
        """One call comes through, without any text."""
        self.harness.needs()
        turn = await self.harness.turn(WireTurn(calls=[("weather", {"city": "Ulm"})]))
        assert (turn.text.strip(), turn.finish_reason) == ("", "tool_calls")
        assert _called(turn) == [("weather", {"city": "Ulm"})]

    @pytest.mark.parametrize("piece", [1, 1000])
    async def test_several_calls(self, piece: int) -> None:
        """Several calls come through behind a text, in order, each with an id of its own."""
        self.harness.needs()
        calls = [("weather", args) for args in CITIES]
        turn = await self.harness.turn(WireTurn(text="Let me see.", calls=calls, piece=piece))
        assert (turn.text.strip(), turn.finish_reason) == ("Let me see.", "tool_calls")
        assert _called(turn) == calls
        assert all(turn.tool_calls[n]["id"] for n in range(3))
        assert len({call["id"] for call in turn.tool_calls}) == 3

    @pytest.mark.parametrize("piece", [1, 2, 3])
    async def test_arguments_split_anywhere(self, piece: int) -> None:
        """Escapes that are cut in two are put together again."""
        self.harness.needs("splits")
        turn = await self.harness.turn(WireTurn(calls=[("weather", ESCAPED)], piece=piece))
        assert _called(turn) == [("weather", {"city": '🙂 "quoted" \\ ü\n'})]

    async def test_interleaved(self) -> None:
        """Pieces of several calls may alternate."""
        self.harness.needs("interleaved")
        assert isinstance(self.harness, WireHarness)
        with self.harness.play(_interleaved) as backend:
            turn = fold(await collect(backend, WEATHER))
            await backend.aclose()
        assert _called(turn) == [("weather", args) for args in CITIES]


def _called(turn: Turn) -> list[tuple[str, dict[str, Any]]]:
    return [(call["name"], call["args"]) for call in turn.tool_calls]


def _interleaved(request: Request) -> Reply:
    """Say calls whose pieces alternate, each in its own order."""
    said = WireTurn(calls=[("weather", args) for args in CITIES], piece=5)
    reply = protocol_of(request).encode(said, request)
    places: dict[int | None, int] = {}
    ranked: list[tuple[int, Frame]] = []
    for frame in reply.frames:
        assert isinstance(frame, Mapping)
        place = _place(frame)
        places[place] = places.get(place, -1) + 1
        ranked.append((-1 if place is None else places[place], frame))
    ranked.sort(key=lambda one: one[0])
    return replace(reply, frames=tuple(frame for _, frame in ranked))


def _place(frame: Mapping[str, Any]) -> int | None:
    """Return which call a frame is of; None for one of no call."""
    deltas = [choice["delta"] for choice in frame.get("choices") or ()]
    called = [call["index"] for delta in deltas for call in delta.get("tool_calls") or ()]
    place: int | None = called[0] if called else frame.get("output_index")
    return place
