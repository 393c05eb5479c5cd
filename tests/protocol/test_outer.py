"""A run that stands for one call of an outer team: its presenting call gets the outer tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from massgraph import Agent, LLMBackend, Policy, Team
from massgraph.backends.chunks import ContentChunk, DoneChunk, StreamChunk, ToolCallDeltaChunk
from massgraph.nodes.actions import Legal, action_schemas
from massgraph.nodes.events import ActionRefused, Event, PresentingStarted
from massgraph.nodes.live import LiveRun
from massgraph.nodes.outer import OuterCall
from massgraph.nodes.record import fold_events

from ..vloop import run_virtual
from .stage import Script, answer, calls, cast_of, final, vote

OUTER = action_schemas(Legal(answer=True, targets={"agent1": "x", "agent2": "y"}))


class Outer:
    """The outer side of a run: what it was handed."""

    def __init__(self) -> None:
        self.chunks: list[StreamChunk] = []
        self.again = 0

    def call(self, **more: Any) -> OuterCall:
        """Return the call that the run stands for."""
        return OuterCall(
            **{"tools": OUTER, "chunk": self.chunks.append, "again": self.tried, **more}
        )

    def tried(self) -> None:
        """Count a further try."""
        self.again += 1


def nested(
    outer: OuterCall, policy: Mapping[str, Any] | None = None, **agents: Script | LLMBackend
) -> tuple[dict[str, Any], list[Event], dict[str, Any]]:
    """Run a team as a call of an outer one; return its end, its events and its cast."""
    events: list[Event] = []
    cast = cast_of(agents)
    team = Team([Agent(name, part) for name, part in cast.items()], Policy(**(policy or {})))
    live = LiveRun(sink=events.append, outer=outer)
    state = {"messages": [HumanMessage("Which?")]}
    end = run_virtual(team.compile().ainvoke(state, context=live))
    result = events[-1].result
    assert (
        fold_events(events[:-1]).ended(result["outcome"], result["duration_s"])
        | {"answer": result["answer"]}
        == result
    )
    return dict(end), events, cast


VOTE = calls(("vote", {"agent_id": "agent2", "reason": "It is clear."}))
ANSWER = answer("A better answer.", text="Here it is.")


def test_a_run_votes_in_the_outer_team() -> None:
    """The message that ends it carries the call, and the presenting call was offered the tools."""
    outer = Outer()
    end, _, cast = nested(
        outer.call(), alice=[answer("A."), vote("agent1"), VOTE], bob=[answer("B."), vote("agent1")]
    )
    message = end["messages"][-1]
    assert isinstance(message, AIMessage)
    [call] = message.tool_calls
    assert (call["name"], call["args"]) == (
        "vote",
        {"agent_id": "agent2", "reason": "It is clear."},
    )
    assert (message.text, message.name) == ("", "alice")
    assert (end["answer"], end["presented"]) == ("It is clear.", "present")
    asked = cast["alice"].heard[-1]
    assert asked.names == {"new_answer", "vote"}
    assert asked.targets == ["agent1", "agent2"]
    assert asked.messages[-1].text.endswith("call `new_answer` or `vote`, and nothing else.")


def test_a_new_answer_is_the_answer() -> None:
    """Its text is what the run answers; text beside the call goes before it."""
    end, _, _ = nested(Outer().call(), alice=[answer("A."), answer("A better answer.")])
    assert end["answer"] == "A better answer."
    end, _, _ = nested(Outer().call(), alice=[answer("A."), ANSWER])
    assert (end["answer"], end["messages"][-1].text) == ("Here it is.", "Here it is.")
    assert end["messages"][-1].tool_calls[0]["args"] == {"content": "A better answer."}


@pytest.mark.parametrize("policy", [{}, {"final": "reuse", "single": "coordinate"}])
def test_the_call_is_always_made(policy: dict[str, Any]) -> None:
    """Also by one agent alone, and where a stored answer would be presented."""
    turns = [answer("A."), vote("agent1"), VOTE] if policy else [answer("A."), VOTE]
    end, _, _ = nested(Outer().call(), policy, alice=turns)
    assert end["presented"] == "present"
    assert end["messages"][-1].tool_calls


def test_every_chunk_is_handed_on() -> None:
    """Those of the presenting call, and none of the run's own turns."""
    outer = Outer()
    nested(outer.call(), alice=[answer("Draft."), answer("New.", text="Here.")])
    assert [c.content for c in outer.chunks if isinstance(c, ContentChunk)] == ["Here."]
    written = "".join(c.arguments for c in outer.chunks if isinstance(c, ToolCallDeltaChunk))
    assert written == '{"content": "New."}'
    assert isinstance(outer.chunks[-1], DoneChunk)
    assert outer.again == 0


def test_a_reply_without_a_call_is_told_so_once() -> None:
    """What came until then is void, which the outer side hears."""
    outer = Outer()
    end, events, cast = nested(outer.call(), alice=[answer("A."), {"text": "I vote."}, VOTE])
    assert end["messages"][-1].tool_calls
    assert (outer.again, end["failures"]) == (1, {})
    said, told = cast["alice"].heard[-1].messages[-2:]
    assert said.text == "I vote."
    assert "It calls no tool." in told.text
    assert [e.why for e in events if isinstance(e, ActionRefused)] == ["It calls no tool."]
    assert len([e for e in events if isinstance(e, PresentingStarted)]) == 2


def test_another_tool_does_not_count() -> None:
    """Each call gets a result that says so."""
    other = calls(("search", {}), ("vote", {"agent_id": "agent1"}))
    end, _, cast = nested(Outer().call(), alice=[answer("A."), other, VOTE])
    assert [call["name"] for call in end["messages"][-1].tool_calls] == ["vote"]
    told = cast["alice"].heard[-1].messages[-2:]
    assert all(isinstance(one, ToolMessage) and "no tool 'search'" in one.text for one in told)
    assert cast["alice"].heard[-1].unanswered() == []


def test_a_run_that_cannot_act_ends_with_its_stored_answer() -> None:
    """As text, without a call: the outer team deals with that as with any agent's."""
    end, _, _ = nested(Outer().call(), alice=[answer("A."), {"text": "One."}, {"text": "Two."}])
    message = end["messages"][-1]
    assert (end["presented"], message.text, message.tool_calls) == ("fallback", "A.", [])
    assert end["failures"]["alice"]["message"] == "Presenting: It calls no tool."


def test_without_tools_the_run_writes_a_text() -> None:
    """When the outer team presents."""
    outer = Outer()
    end, _, cast = nested(outer.call(tools=()), alice=[answer("A."), final("Final.")])
    assert (end["answer"], end["presented"]) == ("Final.", "present")
    assert cast["alice"].heard[-1].tools == []
    assert [c.content for c in outer.chunks if isinstance(c, ContentChunk)] == ["Final."]


def test_the_messages_of_the_call_may_be_changed() -> None:
    """By what the outer team's protocol wants to add."""

    def framed(messages: list[AnyMessage]) -> list[AnyMessage]:
        return [SystemMessage("You stand for a team."), *messages]

    _, _, cast = nested(Outer().call(messages=framed), alice=[answer("A."), VOTE])
    first, last = cast["alice"].heard
    assert first.messages[0].text != "You stand for a team."
    assert last.messages[0].text == "You stand for a team."


def test_outer_tools_come_before_an_output_type() -> None:
    """The reply is an action of the outer team; there is no value."""
    end, events, cast = nested(
        Outer().call(), {"output_type": list[int]}, alice=[answer("A."), VOTE]
    )
    assert end["messages"][-1].tool_calls
    assert events[-1].result["output"] is None
    assert "JSON Schema" not in cast["alice"].heard[-1].text
