"""What a run has cost and said is not lost by how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import (
    Agent,
    LLMBackend,
    Policy,
    Result,
    RunError,
    ScriptedBackend,
    StreamChunk,
    Team,
    TokenUsage,
    ToolSchema,
    UserError,
)
from massgraph.backends.chunks import DoneChunk, ToolCallDeltaChunk, UsageChunk
from massgraph.nodes.events import Event

from ..vloop import run_virtual

ANSWER = {"new_answer": "A.", "when": "no_answers"}
VOTE = {"vote": "first", "reason": "Right.", "when": "answers"}


def scripted(*turns: dict[str, Any]) -> ScriptedBackend:
    """Return a backend that answers and votes, then plays these turns."""
    return ScriptedBackend([ANSWER, VOTE, *turns])


class Priced(ScriptedBackend):
    """A backend that knows its price."""

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        return 0.25


class Unclosable(ScriptedBackend):
    """A backend whose end fails."""

    async def aclose(self) -> None:
        raise RuntimeError("close failed")


class Unprepared(ScriptedBackend):
    """A backend that misses something, which it only finds out when it prepares."""

    async def prepare(self) -> None:
        raise UserError(f"{self.model} has no file.")


class SlowlyPrepared(ScriptedBackend):
    """A backend that takes its time to prepare."""

    ready = False

    async def prepare(self) -> None:
        await asyncio.sleep(5)
        self.ready = True


class Stubborn(LLMBackend):
    """Answers, votes, and then presents without ever stopping when it is told to."""

    @property
    def provider_name(self) -> str:
        return "stubborn"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        names = {tool.name for tool in tools}
        if "vote" in names:
            arguments = '{"agent_id": "agent1", "reason": ""}'
            yield ToolCallDeltaChunk(0, id="v", name="vote", arguments=arguments)
        elif names:
            yield ToolCallDeltaChunk(0, id="a", name="new_answer", arguments='{"content": "A."}')
        else:
            until = asyncio.get_running_loop().time() + 60
            while asyncio.get_running_loop().time() < until:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    continue
        yield UsageChunk(TokenUsage(1, 1))
        yield DoneChunk("tool_calls")


def test_a_cancelled_presentation_blames_nobody() -> None:
    """The person stopped it: nothing was presented, nobody failed, and its call is counted."""

    async def main() -> Result:
        team = Team([Agent("alice", scripted({"hang": True, "when": "present"})), bob()])
        run = team.start("What?")
        async for event in run:
            if event.type == "presenting_started":
                await asyncio.sleep(1)
                run.cancel()
        return await run.result()

    result = run_virtual(main())
    assert (result.outcome, result.presented, result.answer) == ("cancelled", None, None)
    assert not result.failures
    assert result.usage["alice"].stopped == 1
    assert result.answers["alice"] == "A."


def bob() -> Agent:
    """Return a second agent, so that there is something to present."""
    return Agent("bob", ScriptedBackend([{**ANSWER, "new_answer": "B."}, VOTE]))


def test_a_deadline_before_presenting_is_no_failure() -> None:
    """The stored answer is presented, without a call, and the winner did nothing wrong."""
    slow = ScriptedBackend([{**ANSWER, "new_answer": "B."}, {**VOTE, "delay": 30}])
    team = Team([Agent("alice", scripted()), Agent("bob", slow)], Policy(run_deadline_s=10))
    result = run_virtual(team.arun("What?"))
    assert (result.settled_by, result.presented, result.answer) == ("deadline", "fallback", "A.")
    assert not result.failures
    assert result.usage["alice"].calls == 2


def test_a_stubborn_presenter_does_not_hold_back_the_result() -> None:
    """`run_finished` comes at once; only the end of the run waits, and not twice."""

    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        team = Team([Agent("alice", Stubborn()), bob()], Policy(idle_timeout_s=3, attempts=1))
        run, told = team.start("What?"), 0.0
        async for event in run:
            told = loop.time() if event.type == "run_finished" else told
        await run.result()
        return told, loop.time()

    told, over = run_virtual(main())
    assert told < 3.5
    assert over < told + 5.5


def test_a_cancellation_after_the_end_changes_nothing() -> None:
    """A run that has failed stays failed, and still says why."""

    def no_rule(*_: Any) -> Any:
        raise ValueError("no such rule")

    async def main() -> str:
        team = Team([Agent("alice", scripted()), bob()], Policy(rule=no_rule))
        run = team.start("What?")
        async for event in run:
            if event.type == "run_finished":
                run.cancel()
        with pytest.raises(RunError, match="no such rule"):
            await run.result()
        return run.status

    assert run_virtual(main()) == "failed"


def test_a_result_survives_a_backend_that_cannot_be_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, and the other backends are closed."""
    team = Team([Agent("alice", Unclosable([ANSWER, VOTE])), bob()])
    assert team.run("What?").answer == "A."
    assert "close failed" in caplog.text


def test_everything_that_is_missing_is_told_at_once() -> None:
    """Two backends miss something, one takes its time: both are named, none is left preparing."""

    async def main() -> SlowlyPrepared:
        slow = SlowlyPrepared([ANSWER])
        agents = [
            Agent("alice", Unprepared([ANSWER], model="one")),
            Agent("bob", Unprepared([ANSWER], model="two")),
            Agent("carol", slow),
        ]
        with pytest.raises(UserError, match=r"one has no file\.; two has no file\."):
            await Team(agents).arun("What?")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return slow

    assert run_virtual(main()).ready


@pytest.mark.parametrize(
    ("second", "total"),
    [(Priced([ANSWER, VOTE]), 1.25), (ScriptedBackend([ANSWER, VOTE]), None)],
    ids=["both known", "one unknown"],
)
def test_a_cost_is_known_only_where_every_part_of_it_is(
    second: ScriptedBackend, total: float | None
) -> None:
    """A team with one agent of unknown price is not reported as cheap as the others."""
    team = Team([Agent("alice", Priced([ANSWER, VOTE])), Agent("bob", second)])
    result = run_virtual(team.arun("What?"))
    assert result.usage["alice"].cost_usd == 0.75
    assert result.cost == total


def test_a_resumed_run_goes_on_where_its_time_stood_still() -> None:
    """After two hours' pause the same graph asks who had not voted, and counts no pause."""

    async def main() -> tuple[dict[str, Any], list[Event], int]:
        stuck = ScriptedBackend(
            [{**ANSWER, "new_answer": "B."}, {"hang": True, "when": "answers"}, VOTE]
        )
        alice = scripted()
        team = Team([Agent("alice", alice), Agent("bob", stuck)], Policy(final="reuse"))
        graph = team.compile(InMemorySaver())
        config: Any = {"configurable": {"thread_id": "t"}}
        first = asyncio.create_task(graph.ainvoke({"messages": [("human", "What?")]}, config))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.wait({first})
        called = alice.calls
        await asyncio.sleep(7200)
        events: list[Event] = []
        async for _, event in graph.astream(None, config, stream_mode="custom", subgraphs=True):
            events.append(event)
        state = await graph.aget_state(config)
        return state.values, events, alice.calls - called

    state, events, more_calls = run_virtual(main())
    assert (state["outcome"], state["settled_by"]) == ("settled", "consensus")
    assert state["elapsed"] < 60
    assert more_calls == 0
    assert {event.run_attempt for event in events} == {2}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_an_answer_that_was_not_published_any_more_is_in_a_cancelled_result() -> None:
    """Who had delivered when the run was stopped has an answer in the result, byte for byte."""

    async def main() -> Result:
        quick = ScriptedBackend([{"new_answer": "first \\ **draft** \r\n"}])
        slow = ScriptedBackend([{"hang": True}])
        run = Team([Agent("alice", quick), Agent("bob", slow)]).start("What?")
        await asyncio.sleep(1)
        run.cancel()
        return await run.result()

    result = run_virtual(main())
    assert result.outcome == "cancelled"
    assert result.answers == {"alice": "first \\ **draft** \r\n"}


def test_a_request_that_is_sent_again_is_told() -> None:
    """Whoever watches sees why nothing comes, and for how long."""

    async def main() -> list[Event]:
        busy = ScriptedBackend([{"error": "overloaded"}, {"new_answer": "A."}])
        return [event async for event in Team([Agent("alice", busy)]).astream("What?")]

    retried = [event for event in run_virtual(main()) if event.type == "call_retried"]
    assert [(event.agent, event.attempt) for event in retried] == [("alice", 1)]
    assert "overloaded" in retried[0].why
    assert 0.3 < retried[0].wait_s <= 0.5
