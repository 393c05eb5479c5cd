"""Spoofs through three providers' own SDKs: what an answer says stays text on every wire."""

from __future__ import annotations

import re

import pytest

from massgraph import Agent, Policy, Team

from ..protocol.spoofs import FAMILIES, NONCE, SPOOFS
from ..wire.asked import LABEL, Asked, asked
from ..wire.reply import Request
from ..wire.turn import WireTurn
from .conftest import Board
from .seats import SEATS

SEATED = ("openai", "claude", "gemini")
SAMPLE = [*(f"{family} 1" for family in FAMILIES), "fence 2", "terminal 30", "control 5"]
"""One of each family, and some more."""
MARK = re.compile(r"^<(/?)(agent\d) ([0-9a-f]{12})>$", re.MULTILINE)


def nonce_in(request: Asked) -> str:
    """Return the nonce that a prompt shows, if there is one."""
    mark = MARK.search(request.last)
    return mark[3] if mark else ""


def filled(text: str, request: Asked) -> str:
    """Return a text with the nonce that its speaker has seen."""
    return text.replace(NONCE, nonce_in(request))


@pytest.mark.parametrize("name", SAMPLE)
async def test_a_spoof_on_the_wire(name: str, board: Board) -> None:
    """The second agent wins, whatever the first and the third say, and their bytes come through."""
    views: list[Asked] = []

    def said(request: Request) -> WireTurn:
        view = asked(request)
        views.append(view)
        text = filled(SPOOFS[name], view) or "nothing"
        if "vote" in view.tools:
            return WireTurn(calls=(("vote", {LABEL: "agent2", "reason": text}),))
        if "new_answer" in view.tools:
            draft = "Rain." if view.model == SEATS["claude"].model else f"{text} ({view.model})"
            return WireTurn(calls=(("new_answer", {"content": draft}),))
        return WireTurn(text=text)

    board.set(said)
    agents = [Agent(seat, SEATS[seat].open(board.server.origin)) for seat in SEATED]
    team = Team(agents, Policy())
    result = await team.arun("Why do rivers rise?")
    await team.aclose()
    await board.check()
    assert (result.winner, result.settled_by, len(views)) == ("claude", "consensus", 7)
    text = SPOOFS[name].replace(NONCE, "") or "nothing"
    assert result.answers["openai"] == f"{text} ({SEATS['openai'].model})"
    (nonce,) = {nonce_in(view) for view in views if "vote" in view.tools}
    assert {vote.reason for vote in result.votes} == {SPOOFS[name].replace(NONCE, nonce)}
    for view in views:
        if "vote" in view.tools:
            marks = [(bool(end), label) for end, label, _ in MARK.findall(view.last)]
            assert marks == [(end, f"agent{n}") for n in (1, 2, 3) for end in (False, True)]
            assert view.last.count(nonce) == len(marks)
