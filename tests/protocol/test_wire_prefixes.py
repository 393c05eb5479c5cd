"""What each provider can serve from its cache, by what goes over the wire to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from massgraph import Agent, Policy, Team

from ..providers.seats import SEATS
from ..wire.asked import Asked, asked
from ..wire.brain import coordinate
from ..wire.reply import Request
from ..wire.server import LoopbackServer
from ..wire.turn import WireTurn

ROLES = {"alice": "You look at the sky.", "bob": "You look at the ground."}
WONDERS = "I wonder."
TURN = 4
"""Requests of a turn: two calls at once, one more, words alone, and the action."""
MARKERS = frozenset({"cache_control", "prompt_cache_breakpoint"})
MESSAGES = ("input", "messages", "contents")
"""What the messages are called on the wire."""
CASES = {
    "openai": ("openai", "gpt-5.4"),
    "openai with markers": ("openai", "gpt-5.6"),
    "claude": ("claude", "claude-sonnet-5"),
    "gemini": ("gemini", "gemini-3.8-flash"),
    "grok": ("grok", "grok-4.5"),
    "chat completions": ("chat_completions", "m"),
}

MARKS = {"openai with markers": [2, 3, 4, 5], "claude": [2, 3, 3, 3]}
"""Cache markers in the requests of a turn. OpenAI looks up nothing but what is marked now, also
where earlier requests ended."""


def search(query: str) -> str:
    """Search."""
    return f"found {query}"


def mind(request: Request) -> WireTurn:
    """Use tools, two at once and then one; say something to no purpose; then act."""
    heard = asked(request)
    if "search" not in heard.tools:
        return coordinate(heard)
    if heard.results == 0:
        both = (("search", {"query": "rain"}), ("search", {"query": "snow"}))
        return WireTurn(text="Let me look.", reasoning="Rain, or snow?", calls=both)
    if heard.results == 2:
        return WireTurn(reasoning="And hail?", calls=(("search", {"query": "hail"}),))
    if not _wondered(heard):
        return WireTurn(text=WONDERS, reasoning="What now?")
    return coordinate(heard)


def _wondered(heard: Asked) -> bool:
    return any(role == "assistant" and text == WONDERS for role, text in heard.messages)


async def sent(provider: str, model: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return the bodies that went over the wire with tools, in order, of each agent of a team."""
    policy = Policy(max_answers_per_agent=1, on_new_answer="finish", final="reuse")
    async with LoopbackServer(mind) as server:
        backends = {who: SEATS[provider].open(server.origin, model=model) for who in ROLES}
        agents = [Agent(who, backends[who], ROLES[who], tools=[search]) for who in ROLES]
        async with Team(agents, policy) as team:
            result = await team.arun("Why do rivers rise?")
        assert (result.outcome, result.failures) == ("settled", {})
        assert server.refused == []
        bodies = [request.body for request in server.requests]
    return {
        who: [body for body in bodies if role in json.dumps(body)] for who, role in ROLES.items()
    }


def without_markers(value: Any) -> Any:
    """Return a body without its cache markers, which move on."""
    if isinstance(value, dict):
        return {k: without_markers(v) for k, v in value.items() if k not in MARKERS}
    if isinstance(value, list):
        return [without_markers(one) for one in value]
    return value


def split(body: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """Return all of a body but its messages, and each of these, as they are on the wire."""
    body = without_markers(body)
    (key,) = [key for key in body if key in MESSAGES]
    rest = json.dumps({k: None if k == key else v for k, v in body.items()})
    return rest, [json.dumps(message) for message in body[key]]


def marks(body: Mapping[str, Any]) -> int:
    """Return how many cache markers a body has."""
    text = json.dumps(body)
    return sum(text.count(f'"{marker}"') for marker in MARKERS)


@pytest.mark.parametrize("case", CASES)
async def test_a_turn_only_goes_on(case: str) -> None:
    """Between two calls with equal legal tools, nothing but appended messages is new on the wire.

    Tools, the system message and every option come in the same order with the same bytes; cache
    markers are no part of what is cached.
    """
    for bodies in (await sent(*CASES[case])).values():
        assert len(bodies) == 2 * TURN
        drafting, voting = bodies[:TURN], bodies[TURN:]
        for turn in (drafting, voting):
            for one, other in pairwise(turn):
                (rest, messages), (same, more) = split(one), split(other)
                assert same == rest
                assert more[: len(messages)] == messages
                assert len(more) > len(messages)
        assert split(drafting[0])[0] != split(voting[0])[0], "the tools are others"
        assert [marks(body) for body in bodies] == MARKS.get(case, [0] * TURN) * 2
