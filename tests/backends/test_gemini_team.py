"""A team of Gemini agents, on both routes, over a server that refuses what Google refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from massgraph import Agent, Team

from ..wire.reply import Request
from ..wire.server import LoopbackServer, WireTurn
from .gemini_calls import KEY, warm_up


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK, and build its types, before a deadline runs."""
    warm_up()


def play(request: Request) -> WireTurn:
    """Answer while that is all one can do, then vote for the first answer, then present."""
    body = request.body
    declared = [
        one["name"]
        for tool in body.get("tools", ())
        for one in tool.get("functionDeclarations", ())
    ]
    system = json.dumps(body.get("systemInstruction", ""))
    told = [name for name in ("new_answer", "vote") if f"- {name}:" in system]
    if "vote" in declared or "vote" in told:
        return acting("vote", {"agent_id": "agent1", "reason": "It is right."}, in_text=bool(told))
    if declared or told:
        return acting("new_answer", {"content": "9.9 is larger."}, in_text=bool(told))
    return WireTurn(text="9.9, of course.")


def acting(name: str, args: dict[str, Any], *, in_text: bool) -> WireTurn:
    """Return a turn that calls a tool, and searches first."""
    found = (("larger number", (("https://a.example", "A"),)),)
    if not in_text:
        return WireTurn(text="Hm. ", reasoning="Let me see.", calls=((name, args),), searches=found)
    call = json.dumps({"tool": name, "arguments": args})
    return WireTurn(text=f"Hm.\n```json\n{call}\n```", searches=found)


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-2.5-flash", "gemini-3-pro-image"])
@pytest.mark.parametrize("search", [True, False])
async def test_a_team_settles(model: str, search: bool) -> None:
    """Three agents answer, vote and settle; tokens and money are counted, searches included."""
    with LoopbackServer(play) as server:
        backend = {
            "type": "gemini",
            "model": model,
            "base_url": server.origin,
            "api_key": KEY,
            "enable_web_search": search,
        }
        async with Team([Agent(name, backend) for name in ("alice", "bob", "carol")]) as team:
            result = await team.arun("Which is larger, 9.11 or 9.9?")
        assert server.refused == []
    assert result.outcome == "settled"
    assert result.answer == "9.9, of course."
    assert len(result.votes) == 3
    assert result.cost
    assert KEY not in json.dumps(result.to_dict())
