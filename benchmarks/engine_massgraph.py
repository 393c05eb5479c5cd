"""Adapter: runs one scenario through massgraph, on the virtual clock or the real one."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from langchain_core.messages import AnyMessage

from benchmarks.player import Decision, Recorder, ScriptedAgent
from massgraph import Agent, LLMBackend, Policy, Result, StreamChunk, Team, ToolSchema
from massgraph.backends.chunks import ContentChunk, DoneChunk, ErrorChunk, ToolCallsChunk
from massgraph.backends.errors import OverloadedError
from tests.vloop import VirtualLoop

NAME = "massgraph"
POLICY = Policy(final="reuse", single="coordinate")
"""MassGen 0.0.3 does not present, and lets one agent alone vote for itself."""

_SHOWN = re.compile(r"<(agent\d+) ([0-9a-f]{12})>\n(.*?)\n</\1 \2>", re.DOTALL)


def shown_answers(messages: Sequence[AnyMessage]) -> dict[str, str]:
    """Return what a prompt shows: label -> answer."""
    text = "\n".join(message.text for message in messages if message.type == "human")
    return {label: answer for label, _, answer in _SHOWN.findall(text)}


class PlayedBackend(LLMBackend):
    """Plays one agent of a scenario."""

    def __init__(self, script: ScriptedAgent, recorder: Recorder, agent: str) -> None:
        super().__init__()
        self._script, self._recorder, self._agent = script, recorder, agent

    @property
    def provider_name(self) -> str:
        """`played`."""
        return "played"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Play the next decision."""
        answers = shown_answers(messages)
        decision = self._script.decide(answers)
        self._recorder.call(
            self._agent,
            self._script.n,
            [{"content": message.text} for message in messages],
            [json.loads(json.dumps(tool.parameters)) for tool in tools],
            len(answers),
            decision.kind,
        )
        match decision.kind:
            case "raise":
                await asyncio.sleep(decision.latency)
                raise RuntimeError("simulated provider failure")
            case "hang":
                await asyncio.sleep(3600)
            case "error_chunk":
                await asyncio.sleep(decision.latency)
                yield ErrorChunk(OverloadedError("simulated provider failure"))
                return
        for _ in range(decision.burst or decision.chunks):
            if not decision.burst:
                await asyncio.sleep(decision.latency / max(1, decision.chunks))
            self._recorder.streamed += 1
            yield ContentChunk("thinking ")
        calls = _calls(decision)
        if calls:
            yield ToolCallsChunk(
                tuple(
                    {"name": name, "args": args, "id": f"c{n}", "type": "tool_call"}
                    for n, (name, args) in enumerate(calls)
                )
            )
        yield DoneChunk("tool_calls" if calls else "stop")


def _calls(decision: Decision) -> list[tuple[str, dict[str, Any]]]:
    vote = ("vote", {"agent_id": decision.target or "agent1", "reason": "scripted"})
    answer = ("new_answer", {"content": decision.text})
    kinds: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "answer": [answer],
        "vote": [vote],
        "vote_twice": [vote, vote],
        "both": [vote, answer],
        "other_tool": [("lookup", {"q": "x"})],
    }
    return kinds.get(decision.kind, [])


def run(scenario: dict[str, Any], *, virtual: bool = True) -> dict[str, Any]:
    """Run one scenario and return its figures.

    Args:
        scenario: As the player documents it.
        virtual: On the virtual clock; then results do not depend on the machine.
    """
    recorder = Recorder()
    team = Team(
        [
            Agent(spec["id"], PlayedBackend(ScriptedAgent(spec, scenario), recorder, spec["id"]))
            for spec in scenario["agents"]
        ],
        POLICY,
    )
    recorder.start()
    wall, cpu = time.perf_counter(), time.process_time()
    result, seconds = (_virtual if virtual else _real)(
        lambda: asyncio.wait_for(team.arun(scenario["task"]), scenario.get("timeout", 10))
    )
    return {
        "engine": NAME,
        "scenario": scenario["name"],
        "terminated": result is not None,
        "outcome": result.outcome if result else None,
        "wall_s": round(seconds, 6),
        "real_s": round(time.perf_counter() - wall, 4),
        "cpu_s": round(time.process_time() - cpu, 4),
        "selected": result.winner if result else None,
        "streamed_by_backends": recorder.streamed,
        **recorder.summary(),
    }


Timed = tuple[Result | None, float]


def _virtual(main: Callable[[], Any]) -> Timed:
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(_or_none(main()))
        seconds = loop.time()
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result, seconds
    finally:
        loop.close()


def _real(main: Callable[[], Any]) -> Timed:
    start = time.perf_counter()
    result = asyncio.run(_or_none(main()))
    return result, time.perf_counter() - start


async def _or_none(awaitable: Any) -> Result | None:
    try:
        result: Result = await awaitable
        return result
    except TimeoutError:
        return None
