"""Runs as traces: one span for the run, each turn, each call and each tool; none stays open."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from massgraph import Agent, LLMBackend, Policy, Team
from massgraph.backends.errors import RateLimitError
from massgraph.nodes.events import CallEnded, Delta, Event

from ..protocol.stage import (
    Actor,
    Improvised,
    Played,
    Script,
    answer,
    calls,
    cast_of,
    final,
    play_team,
    vote,
)
from ..protocol.test_calls import stumbling
from ..secrets.canaries import Canaries
from ..simulation.simulate import drawn
from ..simulation.simulate import play as simulated
from ..vloop import run_virtual
from .seen import Seen, failure, seconds

TALK: dict[str, Script] = {
    "alice": [answer("4", when="no_answers", delay=1), vote(delay=1), final("It is 4.", delay=1)],
    "bob": [answer("5", when="no_answers", delay=2), vote()],
}


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def seen(
    agents: Mapping[str, Script | LLMBackend] | None = None,
    *,
    content: bool = False,
    **policy: Any,
) -> tuple[Seen, Played]:
    """Return what a run has sent, and the run."""
    cast = cast_of(agents or TALK)
    team = Team([Agent(a, b, tools=[add]) for a, b in cast.items()], Policy(**policy))
    sent = Seen(content=content)
    team.observers.append(sent.telemetry)
    return sent, run_virtual(play_team(team, cast=cast))


def test_a_run_is_a_trace() -> None:
    """The run, below it a span a turn and for presenting, below each of them its calls."""
    sent, _ = seen()
    turn = ["invoke_agent {}", "  chat script"]
    order = ("alice", "bob", "bob", "alice", "alice")  # of what begins at once, by their ends
    works = ["  " + line.format(name) for name in order for line in turn]
    assert sent.tree() == ["invoke_workflow team", *works]
    assert len({span.get_span_context().trace_id for span in sent.spans}) == 1
    assert [seconds(span) for span in sent.named("chat")] == [1.0, 2.0, 0.0, 1.0, 1.0]
    assert [span.kind.name for span in sent.spans].count("CLIENT") == 5


def test_spans_begin_and_end_when_things_did() -> None:
    """In the time of the run, counted from when it was begun."""
    before = time.time()
    sent, played = seen()
    [run] = sent.named("invoke_workflow")
    assert seconds(run) == played.events[-1].t == 4.0
    assert before <= (run.start_time or 0) / 1e9 <= time.time()
    for span in sent.spans:
        assert run.start_time <= span.start_time <= span.end_time <= run.end_time  # type: ignore[operator]


def test_attributes_are_those_of_the_conventions() -> None:
    """What each span says of itself, in the run's own figures."""
    sent, played = seen()
    told, total = sent.one("invoke_workflow"), played.result.total
    assert told["gen_ai.operation.name"] == "invoke_workflow"
    assert told["gen_ai.agent.name"] == "team"
    assert told["gen_ai.conversation.id"] == played.events[0].thread_id
    assert told["gen_ai.usage.input_tokens"] == total.input_tokens
    assert (told["massgraph.outcome"], told["massgraph.settled_by"]) == ("settled", "consensus")
    [turn, *_] = [dict(span.attributes or {}) for span in sent.named("invoke_agent alice")]
    assert (turn["gen_ai.agent.name"], turn["massgraph.round"]) == ("alice", 1)
    assert turn["massgraph.outcome"] == "new_answer"
    [call, *_] = [dict(span.attributes or {}) for span in sent.named("chat")]
    assert call["gen_ai.provider.name"] == "scripted"
    assert call["gen_ai.request.model"] == "script"
    assert call["gen_ai.response.finish_reasons"] == ("tool_calls",)
    assert call["gen_ai.usage.output_tokens"] == turn["gen_ai.usage.output_tokens"]
    assert "massgraph.usage.cost_usd" not in call, "a cost that is not known is none"
    [run] = sent.named("invoke_workflow")
    assert [event.name for event in run.events].count("massgraph.vote_cast") == 2


def test_no_text_is_sent_unless_it_is_wanted() -> None:
    """Neither the question nor answers, reasons or what tools are given; then all of them."""
    secret = "c4n4ry"
    script = [
        calls(("add", {"a": 2, "b": 2}), when="no_answers"),
        answer(f"4 {secret}", when="no_answers", text=f"{secret} well"),
        vote(reason=f"{secret} good", when="answers"),
        final(f"It is 4, {secret}."),
    ]
    sent, played = seen({"alice": script}, single="coordinate")
    assert secret not in sent.text()
    assert "9.11" not in sent.text()
    sent, played = seen({"alice": script}, single="coordinate", content=True)
    told, tool = sent.one("invoke_workflow"), sent.one("execute_tool add")
    [asked] = json.loads(told["gen_ai.input.messages"])
    assert asked["parts"] == [{"type": "text", "content": played.events[0].question}]  # type: ignore[union-attr]
    [answered] = json.loads(told["gen_ai.output.messages"])
    assert answered["parts"][0]["content"] == played.result.answer
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"a": 2, "b": 2}
    assert json.loads(tool["gen_ai.tool.call.result"]) == "4.0"
    assert sent.text().count(secret) >= 4


@pytest.mark.parametrize(("given", "sent"), [("true", True), ("", False), ("false", False)])
def test_the_environment_says_whether_texts_are_sent(
    given: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable of the conventions."""
    from massgraph.telemetry.content import VARIABLE, is_wanted

    monkeypatch.setenv(VARIABLE, given)
    assert is_wanted() is sent


def test_tools_have_spans_of_their_own() -> None:
    """Below the turn, beside its calls, also several of one name at once; a failure is told."""

    async def work(s: float) -> float:
        """Work for some seconds."""
        await asyncio.sleep(s)
        if s == 3:
            raise ValueError("no")
        return s

    script = [calls(*(("work", {"s": s}) for s in (2, 3, 1))), answer("4")]
    team = Team([Agent("alice", Actor(script), tools=[work])], Policy(final="reuse"))
    sent = Seen()
    team.observers.append(sent.telemetry)
    run_virtual(play_team(team))
    tools = sent.named("execute_tool work")
    assert sorted(seconds(span) for span in tools) == [1.0, 2.0, 3.0]
    assert {failure(span) for span in tools if seconds(span) == 3} == {("ERROR", "tool_error")}
    assert sent.tree()[2:-1] == [
        "    chat script",
        *["    execute_tool work"] * 3,
        "    chat script",
    ]


def test_a_failure_is_an_error_of_its_call_and_a_retry_a_moment_of_its_turn() -> None:
    """The turn that goes well after it is none."""
    sent, _ = seen({"alice": Improvised(stumbling)}, final="reuse")
    assert [failure(span) for span in sent.named("chat")] == [
        ("ERROR", "overloaded"),
        ("UNSET", None),
    ]
    turn, _ = sent.named("invoke_agent")
    moments = ["massgraph.call_retried", "massgraph.action_refused"]
    assert ([event.name for event in turn.events], failure(turn)) == (moments, ("UNSET", None))


def test_who_fails_for_good_has_a_turn_that_is_an_error() -> None:
    """And a run without any answer is one, too."""
    sent, _ = seen({"alice": [{"error": "auth"}]})
    assert {failure(span) for span in sent.named("invoke_agent")} == {("ERROR", "auth")}
    assert failure(sent.named("invoke_workflow")[0]) == ("ERROR", "no_answer")


@pytest.mark.parametrize("at_s", [0.0, 0.5, 1.5, 2.5, 3.5])
def test_a_cancelled_run_leaves_no_span_open(at_s: float) -> None:
    """Each of them ends, and says that it was cancelled."""
    sent = Seen()

    async def cancelled() -> None:
        team = Team([Agent(a, Actor(script)) for a, script in TALK.items()])
        team.observers.append(sent.telemetry)
        run = team.start("What?")
        asyncio.get_running_loop().call_later(at_s, run.cancel)
        await run.result()

    run_virtual(cancelled())
    assert not sent.left_open
    [run] = sent.named("invoke_workflow")
    assert failure(run) == ("ERROR", "cancelled")
    last = [span for span in sent.named("invoke_agent") if span.end_time == run.end_time]
    assert {failure(span) for span in last} <= {("ERROR", "cancelled")}


def test_a_run_is_a_part_of_the_trace_that_is_current() -> None:
    """Whoever asks a team in a span of its own finds the run below it."""
    sent = Seen()
    team = Team([Agent("alice", Actor([answer("4")]))], Policy(final="reuse"))
    team.observers.append(sent.telemetry)
    with sent.tracers.get_tracer("t").start_as_current_span("mine"):
        team.run("What?")
    assert sent.tree()[:2] == ["mine", "  invoke_workflow team"]


def test_an_attempt_that_goes_on_is_linked_to_the_one_before() -> None:
    """It is a trace of its own; what it takes from the journal is not counted again."""
    sent = Seen()

    async def twice() -> None:
        agents = [Agent(a, Actor(script)) for a, script in TALK.items()]
        async with Team(agents, db="memory:") as team:
            team.observers.append(sent.telemetry)
            run = team.start("What?", thread_id="t")
            asyncio.get_running_loop().call_later(1.5, run.cancel)
            await run.result()
            await team.aresume("t")

    run_virtual(twice())
    first, second = sent.named("invoke_workflow")
    assert [link.context.span_id for link in second.links] == [first.get_span_context().span_id]
    assert first.get_span_context().trace_id != second.get_span_context().trace_id
    assert [(s.attributes or {})["massgraph.run_attempt"] for s in (first, second)] == [1, 2]


def test_a_team_inside_an_agent_is_one_call() -> None:
    """It says that it is a workflow, and whose."""
    inner = Team([Agent("x", Actor([answer("4"), final("4")]))], name="inner")
    outer = Team([Agent("panel", inner)], Policy(final="reuse"))
    sent = Seen()
    outer.observers.append(sent.telemetry)
    run_virtual(play_team(outer))
    assert sent.tree() == [
        "invoke_workflow team",
        "  invoke_agent panel",
        "    invoke_workflow inner",
        "  invoke_agent panel",
    ]


def record(number: int) -> Sequence[Event]:
    """Return the events of a simulated run, all attempts of it."""
    return simulated(drawn(number), number)


def test_records_can_be_sent_later() -> None:
    """A root for each attempt, a span a call, all of them ended, in the time of the record."""
    for number in range(8):
        events = record(number)
        sent = Seen(content=True)
        sent.telemetry.export(events, began=1_000_000_000.0)
        attempts = {event.run_attempt for event in events}
        calls = sum(event.type == "call_ended" for event in events)
        roots = [span for span in sent.spans if span.parent is None]
        assert len(roots) == len(attempts)
        called = [s for s in sent.spans if "massgraph.replayed" in (s.attributes or {})]
        assert len(called) == calls
        assert all((span.start_time or 0) >= 10**18 for span in sent.spans)
        assert not sent.left_open
        assert sent.points() == {}


def test_a_record_that_was_cut_off_ends_where_it_was() -> None:
    """Wherever that is; with an error, as nobody knows what came of it."""
    script = [calls(("add", {"a": 2, "b": 2}), when="no_answers"), *TALK["alice"]]
    _, played = seen({"alice": script, "bob": TALK["bob"]})
    for length in range(1, len(played.events)):
        sent = Seen()
        sent.telemetry.export(played.events[:length], began=0.0)
        [run] = sent.named("invoke_workflow")
        assert failure(run) == ("ERROR", "cut_off")
        assert not sent.left_open


def test_a_stored_reply_is_not_paid_for_twice() -> None:
    """Its call says that it is one, and tells no usage: that was sent when it was made."""
    _, played = seen()
    sent = Seen()
    stored = [
        dataclasses.replace(event, replayed=True) if isinstance(event, CallEnded) else event
        for event in played.events
    ]
    taken = sent.telemetry.observe()
    for event in stored:
        taken(event)
    told = [dict(span.attributes or {}) for span in sent.named("chat")]
    assert all(one["massgraph.replayed"] for one in told)
    assert not any("gen_ai.usage.input_tokens" in one for one in told)
    assert sent.points() == {}


def test_an_observer_that_raises_harms_nobody() -> None:
    """It is told nothing more; the run goes on, and so do other observers."""
    told: list[Event] = []

    class Broken:
        def observe(self) -> Any:
            return partial(self.take)

        def take(self, event: Event) -> None:
            told.append(event)
            raise RateLimitError("Not now.")

    class Absent:
        def observe(self) -> Any:
            raise RateLimitError("Not now.")

    team = Team([Agent("alice", Actor([answer("4")]))], Policy(final="reuse"))
    sent = Seen()
    team.observers.extend([Broken(), Absent(), sent.telemetry])
    run_virtual(play_team(team))
    assert len(told) == 1
    assert len(sent.named("invoke_workflow")) == 1


def test_halves_of_characters_can_be_sent() -> None:
    """Which models may write, and no exporter could encode."""
    _, played = seen()
    sent = Seen(content=True)
    taken = sent.telemetry.observe()
    for event in played.events:
        taken(dataclasses.replace(event, delta="4\ud800") if isinstance(event, Delta) else event)
    assert "4?" in sent.text()
    assert encode_spans(sent.spans).SerializeToString()


def test_calls_are_measured() -> None:
    """Their seconds and tokens, by provider and model, in the buckets of the conventions."""
    sent, played = seen()
    points, total = sent.points(), played.result.total
    took = points["gen_ai.client.operation.duration", ""]
    assert (took.count, round(took.sum, 3)) == (5, 5.0)
    assert (took.explicit_bounds[0], took.explicit_bounds[-1]) == (0.01, 81.92)
    put, got = (points["gen_ai.client.token.usage", kind] for kind in ("input", "output"))
    assert (put.sum, got.sum) == (total.input_tokens, total.output_tokens)
    assert put.explicit_bounds[-1] == 67108864
    assert dict(put.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "script",
        "gen_ai.token.type": "input",
    }
    sent, _ = seen({"alice": [{"error": "auth"}]})
    assert sent.points()["gen_ai.client.operation.duration", "auth"].count == 1


@pytest.mark.soak
def test_no_key_is_in_a_span() -> None:
    """Neither where a provider can't be reached, nor where texts are sent."""
    canaries, sent = Canaries(), Seen(content=True)
    backend = {
        "type": "openai",
        "model": "gpt-5.4",
        "api_key": canaries.key("agent"),
        "base_url": "http://127.0.0.1:1/v1",
    }
    agents = [
        Agent("alice", Actor(TALK["alice"])),
        Agent("bob", backend),
    ]
    team = Team(agents, Policy(attempts=1))
    team.observers.append(sent.telemetry)
    team.run("What?")
    assert ("ERROR", "connection") in [failure(span) for span in sent.named("chat gpt-5.4")]
    assert not canaries.found_in(sent.text())
