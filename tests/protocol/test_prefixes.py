"""What providers can serve from their caches: what does not change is sent byte for byte alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, Policy, Team
from massgraph.backends.chat.request import request_body
from massgraph.backends.prefix import STABLE, cache_points, split_stable
from massgraph.nodes.actions import Legal, offered_tools
from massgraph.nodes.prompts import turn_messages
from massgraph.nodes.state import Answer, TeamState

from ..vloop import run_virtual
from .stage import (
    Actor,
    Call,
    Played,
    Script,
    answer,
    calls,
    cast_of,
    final,
    play_team,
    vote,
)

QUESTIONS = ("Which is larger, 9.11 or 9.9?", "And of 9.11 and 9.2?")
SCRIPTS: dict[str, Script] = {
    "alice": [
        calls(("search", {"query": "9.9"})),
        answer("A."),
        answer("A, better."),
        vote("agent2"),
        final("Final."),
        answer("A again.", when="no_answers"),
        vote("agent2", when="answers"),
    ],
    "bob": [
        answer("B."),
        {"hang": True},
        {"text": "I am for agent2."},
        vote("agent4"),
        vote("agent2"),
        final("Final."),
        answer("B again.", when="no_answers"),
        answer("B again, better.", when="answers"),
        vote("agent2", when="answers"),
    ],
    "carol": [
        answer("C."),
        {"hang": True},
        vote("agent3"),
        answer("C again.", when="no_answers"),
        vote("agent2", when="answers"),
    ],
}


def search(query: str) -> str:
    """Search."""
    return f"found {query}"


def conversation(**policy: Any) -> list[Played]:
    """Play two questions with all that can happen: tools, restarts, refusals, presenting."""

    async def ask_all() -> list[Played]:
        cast = cast_of(SCRIPTS)
        agents = [
            Agent(name, part, system_message=f"You are {name}'s.", tools=[search])
            for name, part in cast.items()
        ]
        policy_ = Policy(round_deadline_s=50, **policy)
        team = Team(agents, policy_, checkpointer=InMemorySaver())
        return [await play_team(team, question, cast, thread_id="t") for question in QUESTIONS]

    return run_virtual(ask_all())


@pytest.fixture(scope="module")
def turns() -> dict[str, list[list[Call]]]:
    """Return each agent's calls with tools: agent -> a list for each of the questions."""
    heard = conversation()[-1].heard
    return {
        agent: [
            [c for c in every if c.tools and split_stable(question(c))[0][0]["text"] == asked]
            for asked in QUESTIONS
        ]
        for agent, every in heard.items()
    }


def question(call: Call) -> HumanMessage:
    """Return the message with the question."""
    marked = [m for m in call.messages if STABLE in m.additional_kwargs]
    assert len(marked) == 1
    assert isinstance(marked[0], HumanMessage)
    return marked[0]


def sent(call: Call, *, stable: bool = False) -> bytes:
    """Return a request's tools and messages as they go over the wire, or what stays of them."""
    messages = list(call.messages)
    if stable:
        place = messages.index(question(call))
        messages[place:] = [HumanMessage(list(split_stable(messages[place])[0]))]
    body = request_body("m", messages, call.tools, {})
    return json.dumps([body.get("tools"), body["messages"]]).encode()


def every(turns: Mapping[str, list[list[Call]]]) -> Iterator[list[Call]]:
    """Return the calls of each agent for each question."""
    return (asked for agent in turns.values() for asked in agent)


def test_calls_with_equal_legal_tools_begin_byte_for_byte_alike(
    turns: dict[str, list[list[Call]]],
) -> None:
    """Tool schemas, system message, conversation and question, in every two calls of an agent."""
    compared = 0
    for asked in every(turns):
        alike: dict[str, list[Call]] = defaultdict(list)
        for call in asked:
            alike[str([sorted(call.names), call.targets])].append(call)
        for same in alike.values():
            for one, other in combinations(same, 2):
                assert sent(one, stable=True) == sent(other, stable=True)
                compared += sent(one) != sent(other)
    assert compared >= 5


def test_whatever_is_legal_the_messages_begin_alike(turns: dict[str, list[list[Call]]]) -> None:
    """The cap or a new label changes tools, and nothing before what is shown of the round."""
    for asked in every(turns):
        assert len({call.messages[0].text for call in asked}) == 1
        assert len({str(split_stable(question(call))[0]) for call in asked}) == 1
        assert (
            len({len(call.messages[: call.messages.index(question(call))]) for call in asked}) == 1
        )


def test_a_turn_only_goes_on(turns: dict[str, list[list[Call]]]) -> None:
    """After tools, refusals and reminders, a request begins with all messages of the one before."""
    went_on = 0
    for asked in every(turns):
        for one, other in pairwise(asked):
            if question(one) == question(other) and len(other.messages) > len(one.messages):
                assert other.messages[: len(one.messages)] == one.messages
                assert other.tools == one.tools
                went_on += 1
    assert went_on >= 3


def test_a_question_is_the_same_in_the_conversation(turns: dict[str, list[list[Call]]]) -> None:
    """What stayed of it then is what it is now, as one block; the nonce is behind it."""
    for first, second in turns.values():
        stays, _ = split_stable(question(first[0]))
        for call in second:
            assert split_stable(call.messages[1]) == ([], stays)
            assert call.messages[0] == first[0].messages[0]


def test_markers_stand_before_what_changes(turns: dict[str, list[list[Call]]]) -> None:
    """Behind the system message, behind the question, and behind a turn that has gone on."""
    for asked in every(turns):
        for call in asked:
            place = call.messages.index(question(call))
            points = cache_points(call.messages)
            assert points[:2] == [(0, None), (place, 1)]
            assert points[2:] == [(len(call.messages) - 1, None)][: len(call.messages) - 1 - place]


def test_presenting_is_marked_too() -> None:
    """Answers and votes stand behind the conversation and the question."""
    presenting = [c for heard in conversation()[-1].heard.values() for c in heard if not c.tools]
    assert len(presenting) == 2
    for call, asked in zip(presenting, QUESTIONS, strict=True):
        stays, rest = split_stable(question(call))
        assert [block["text"] for block in stays] == [asked]
        assert "The winner is" in rest[0]["text"]


MEMBER = Agent("alice", Actor([answer("A.")]), tools=[search]).member()
BOTH = Legal(answer=True, targets={"agent1": "alice", "agent2": "bob"})
MORE = Legal(answer=True, targets={**BOTH.targets, "agent3": "carol"})
FIRST = Legal(answer=True, targets={})
CAPPED = Legal(answer=False, targets=BOTH.targets)


def tools_text(legal: Legal, *, brief: bool = False) -> str:
    """Return what is offered as a provider reads it."""
    offered = offered_tools(legal, MEMBER.tool_schemas(), brief=brief)
    return json.dumps(request_body("m", [], offered, {})["tools"])


@pytest.mark.parametrize(
    ("one", "other", "until"),
    [(BOTH, MORE, '"agent2"'), (FIRST, BOTH, '"content"'), (CAPPED, BOTH, '"query"')],
    ids=["more labels", "the first answers", "the cap"],
)
def test_tools_that_change_come_last(one: Legal, other: Legal, until: str) -> None:
    """Own tools first, then new answers, then the vote with its labels at the end."""
    common = os.path.commonprefix([tools_text(one), tools_text(other)])  # noqa: RUF071
    assert until in common


def test_a_very_small_model_is_offered_the_vote_first() -> None:
    """It is swayed by the order of its choices, and its prompts are too short to be cached."""
    offered = json.loads(tools_text(BOTH, brief=True))
    assert [tool["function"]["name"] for tool in offered] == ["vote", "new_answer", "search"]


def state() -> TeamState:
    """Return a state with all that is shown to an agent."""
    ids = ("alice", "bob", "carol")
    return TeamState(
        messages=[HumanMessage(QUESTIONS[0])],
        labels={f"agent{n}": agent for n, agent in enumerate(ids, 1)},
        answers={agent: Answer(agent=agent, text=f"{agent}'s", epoch=1) for agent in ids},
        ballots=[
            {"voter": v, "candidate": c, "reason": f"{v}, {c}"}
            for v, c in zip(ids, reversed(ids), strict=True)
        ],
        nonce="0123456789ab",
        phase="coordinate",
        notes={},
        epoch=1,
    )


def rendered() -> str:
    """Return a request made of that state."""
    tools = offered_tools(BOTH, MEMBER.tool_schemas())
    return sent(Call(turn_messages(state(), MEMBER, Policy(), BOTH, []), tools, 0.0)).decode()


def test_every_process_sends_the_same() -> None:
    """The order of hashes, which differs from process to process, is nowhere to be seen."""
    seed = 1 if os.environ.get("PYTHONHASHSEED") != "1" else 2
    elsewhere = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import rendered; print(rendered())"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == rendered()
