"""Conversations of realistic length, played on a virtual clock, with every request kept.

A conversation is four questions of 500 to 2,000 characters on one thread, with answers of 1,000 to
4,000 characters and roles of 200. Each question is coordinated as one of the scenarios says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver

from benchmarks.engine_massgraph import PlayedBackend
from benchmarks.player import Recorder, ScriptedAgent, load
from massgraph import Agent, Policy, StreamChunk, Team, ToolSchema
from massgraph.backends.chunks import ContentChunk, DoneChunk
from tests.vloop import VirtualLoop

SCENARIOS = Path(__file__).parent / "scenarios"
QUESTION_CHARS = (500, 1000, 1500, 2000)
ANSWER_CHARS = (1000, 4000)
FINAL_CHARS = 2500
ROLE_CHARS = 200
TOOL_CHARS = 500
TOOLS = 8


@dataclass(slots=True)
class Request:
    """What one call sent.

    Args:
        agent: Who called.
        question: The number of the question, from 0.
        began: Seconds since the conversation began.
        tools: The tools, in the order in which they were sent.
        messages: The messages.
    """

    agent: str
    question: int
    began: float
    tools: list[dict[str, Any]]
    messages: list[AnyMessage]


@dataclass(slots=True)
class Conversation:
    """A scenario that was played, question by question."""

    name: str
    family: str
    requests: list[Request] = field(default_factory=list)


class HeardBackend(PlayedBackend):
    """Plays one agent, and keeps what it was sent."""

    def __init__(self, agent: str, loop: VirtualLoop, heard: list[Request]) -> None:
        super().__init__(_nobody(), Recorder(), agent)
        self._loop, self._heard, self._question = loop, heard, -1

    def begin(self, question: int, script: ScriptedAgent) -> None:
        """Take the script of the next question."""
        self._question, self._script = question, script

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Keep the request, and play the next decision."""
        sent = [
            {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
            for t in tools
        ]
        now = self._loop.time()
        self._heard.append(Request(self._agent, self._question, now, sent, list(messages)))
        if not tools:
            yield ContentChunk(_text(f"Final answer {self._question}", FINAL_CHARS))
            yield DoneChunk("stop")
            return
        async for chunk in super().stream_with_tools(messages, tools, **params):
            yield chunk


def scenarios() -> list[dict[str, Any]]:
    """Return what is played: the recorded scenarios of 2 to 10 agents, and some of its own."""
    recorded = [load(path) for path in sorted(SCENARIOS.glob("*.json"))]
    own = [scenario for count in (2, 5, 10) for scenario in _own_scenarios(count)]
    return [s for s in recorded if 2 <= len(s["agents"]) <= 10] + own


def _own_scenarios(count: int) -> list[dict[str, Any]]:
    draft = {"answers_max": 0, "do": "answer", "text": "initial"}
    vote = {"do": "vote", "for": "last"}
    look = {"call_max": 1, "do": "other_tool"}
    slow = {"call_max": 1, "latency": 2, "do": "answer"}
    late = {"call_max": 2, "latency": 0.1, "do": "answer", "text": "late"}
    deadline = {"soft_deadline_s": 1.0, "round_deadline_s": 1.0}
    improve = [
        {"call_min": n, "call_max": n, "latency": 0.3, "do": "answer", "text": f"better {n}"}
        for n in (2, 3)
    ]

    def scenario(family: str, rules: Mapping[int, list[Any]], **more: Any) -> dict[str, Any]:
        agents = [
            {"id": f"a{n:02}", "latency": 0.05, "rules": [*rules.get(n % count, []), draft, vote]}
            for n in range(1, count + 1)
        ]
        return {"name": f"{family}_n{count}", "family": family, "agents": agents, **more}

    return [
        scenario("c_first_improves_twice", {1: improve}),
        scenario("d_last_improves_twice", {0: improve}),
        scenario("e_one_answer_each", {}, policy={"max_answers_per_agent": 1}),
        scenario("f_own_tools", {n: [look] for n in range(count)}, tools=True),
        scenario("g_first_is_late", {1: [slow, late]}, policy=deadline),
    ]


def play(scenario: dict[str, Any], *, roles: bool = True) -> Conversation:
    """Play a conversation and return its requests.

    Args:
        scenario: As player.py documents it; `policy` and `tools` (each agent has eight of its own)
            are understood besides.
        roles: Whether each agent has a system message of its own.
    """
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_played(loop, scenario, roles))
    finally:
        loop.close()


async def _played(loop: VirtualLoop, scenario: dict[str, Any], roles: bool) -> Conversation:
    conversation = Conversation(scenario["name"], scenario["family"])
    ids = [spec["id"] for spec in scenario["agents"]]
    backends = {agent: HeardBackend(agent, loop, conversation.requests) for agent in ids}
    tools = _tools() if scenario.get("tools") else ()
    agents = [
        Agent(
            agent,
            backends[agent],
            system_message=_text(f"Your role is that of {agent}.", ROLE_CHARS) if roles else "",
            tools=tools,
        )
        for agent in ids
    ]
    policy = Policy(single="coordinate", **scenario.get("policy", {}))
    team = Team(agents, policy, checkpointer=InMemorySaver())
    for number, chars in enumerate(QUESTION_CHARS):
        for place, spec in enumerate(scenario["agents"]):
            least, most = ANSWER_CHARS
            long = least + (most - least) * place // max(1, len(ids) - 1)
            script = ScriptedAgent(spec, {**scenario, "answer_chars": long})
            backends[spec["id"]].begin(number, script)
        await team.arun(_text(f"Question {number}", chars), thread_id="t")
    await team.aclose()
    return conversation


def _tools() -> tuple[BaseTool, ...]:
    def look_up(q: str) -> str:
        return _text(f"Found for {q}", TOOL_CHARS)

    names = ("lookup", *(f"tool_{n}" for n in range(2, TOOLS + 1)))
    return tuple(
        StructuredTool.from_function(look_up, name=name, description=_text(name, TOOL_CHARS))
        for name in names
    )


def _text(beginning: str, chars: int) -> str:
    """Return a text that begins like this and is that long."""
    return (f"{beginning}." + f" More of {beginning!r}." * chars)[:chars]


def _nobody() -> ScriptedAgent:
    return ScriptedAgent({"id": "", "rules": []}, {})
