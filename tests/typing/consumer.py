"""A program that uses massgraph as its users do: both type checkers must accept it as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_never, assert_type

from langchain_core.messages import AnyMessage

from massgraph import (
    Agent,
    Event,
    LLMBackend,
    Policy,
    Result,
    RunError,
    StreamChunk,
    Team,
    TokenUsage,
    ToolSchema,
    UserError,
    Vote,
)
from massgraph.backends.chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)


@dataclass
class Number:
    """What a final answer may be."""

    value: float


class Parrot(LLMBackend):
    """A backend of one's own: two members are enough."""

    @property
    def provider_name(self) -> str:
        """The provider's name."""
        return "parrot"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Repeat the question."""
        yield ContentChunk(messages[-1].text)
        yield UsageChunk(TokenUsage(input_tokens=1, output_tokens=1))
        yield DoneChunk("stop")


def describe(chunk: StreamChunk) -> str:
    """Match every chunk there is: a new one makes this fail to type-check."""
    match chunk:
        case ContentChunk() | ReasoningChunk():
            return chunk.content
        case ToolCallDeltaChunk():
            return chunk.arguments
        case ToolCallsChunk():
            return ", ".join(call["name"] for call in chunk.tool_calls)
        case BuiltinToolResultsChunk() | CompleteResponseChunk() | CompleteMessageChunk():
            return chunk.type
        case AgentStatusChunk():
            return chunk.status
        case UsageChunk():
            return str(chunk.usage.input_tokens)
        case ErrorChunk():
            return chunk.error.kind
        case DoneChunk():
            return chunk.finish_reason
        case _:
            assert_never(chunk)


def word(event: Event) -> str:
    """Tell events apart by their type."""
    match event.type:
        case "agent_text" | "answer_text" | "final_text":
            return event.delta
        case "vote_cast":
            return f"{event.voter} for {event.candidate}"
        case _:
            return event.type


def ask(question: str) -> str:
    """Run a team and read its result."""
    team = Team(
        agents=[Agent(id="alice", backend=Parrot()), Agent(id="bob", backend="local")],
        policy=Policy(rule="plurality", quorum=0.5, on_new_answer="finish"),
    )
    try:
        result = team.run(question)
    except (UserError, RunError) as exc:
        return str(exc)
    assert_type(result, Result)
    assert_type(result.answer, str | None)
    assert_type(result.votes, tuple[Vote, ...])
    assert_type(result.cost, float | None)
    return result.require_answer()


def compare(agents: Sequence[Agent]) -> Number:
    """Ask for a typed answer: what it is, the reader says."""
    policy = Policy(output_type=Number, final="synthesize", presenter=agents[0].id)
    result = Team(agents, policy).run("Which is larger, 9.11 or 9.9?")
    assert_type(result.output, Any)
    number: Number = result.output
    return number


async def watch(team: Team, question: str) -> Result:
    """Follow a run's events, then take its result."""
    async with team:
        run = team.start(question)
        async for event in run:
            word(event)
        return await run.result()
