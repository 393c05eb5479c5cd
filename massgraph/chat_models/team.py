"""A team as a LangChain chat model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.messages import AIMessageChunk, AnyMessage, BaseMessage
from pydantic import Field

from ..backends.chunks import TokenUsage
from ..backends.errors import UserError
from ..nodes.events import FinalText, PresentingStarted, RunFinished
from ..nodes.record import ResultDict
from ..result import Result
from ..team import Team
from .blocks import PROVIDER
from .model import MassgraphChatModel, last_chunk
from .writer import usage_metadata


class TeamChatModel(MassgraphChatModel):
    """A team as a LangChain chat model: the messages are the conversation, the last one asks.

    While the winner writes the final answer, it streams. Agents act by tools of their own, so
    nothing can be bound here: give tools to the agents.

    Args:
        team: The team.
        stop: Texts at which the answer ends; the run is stopped there.

    Raises:
        UserError: When the last message is not the question (at the call).
        RunError: When the team found no answer, and why (at the call).
    """

    team: Team = Field(exclude=True)

    @property
    def _llm_type(self) -> str:
        return "massgraph-team"

    @property
    def _provider_and_name(self) -> tuple[str, str]:
        return PROVIDER, self.team.name

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            **super()._identifying_params,
            "agents": [agent.id for agent in self.team.agents],
            "policy": self.team.policy.describe(),
        }

    async def aclose(self) -> None:
        """Close what the agents' backends have opened on the running event loop."""
        await self.team.aclose()

    async def _chunks(
        self, messages: list[BaseMessage], **kwargs: Any
    ) -> AsyncGenerator[AIMessageChunk]:
        if kwargs:
            raise UserError(
                f"A team takes no parameters of a call ({', '.join(sorted(kwargs))}).",
                hint="Give tools and models to its agents.",
            )
        said: list[str] = []
        async with aclosing(self.team.astream(cast("list[AnyMessage]", messages))) as events:
            async for event in events:
                match event:
                    case PresentingStarted() if said:
                        said.append("\n\n")  # what was said stands; a new attempt begins
                        yield AIMessageChunk(content="\n\n")
                    case FinalText():
                        said.append(event.delta)
                        yield AIMessageChunk(content=event.delta)
                    case RunFinished():
                        result = Result.from_dict(cast("ResultDict", event.result))
                        for chunk in self._end(result, "".join(said)):
                            yield chunk
                    case _:
                        pass

    def _end(self, result: Result, said: str) -> list[AIMessageChunk]:
        """Return what is left to say of the answer, and the chunk with everything about the run.

        Raises:
            RunError: When there is no answer.
        """
        answer = result.require_answer()
        rest = _rest(answer, said)
        metadata = _metadata(result)
        if said + rest != answer:
            metadata["answer"] = answer  # the winner began in vain, and that was said already
        total = result.total
        usage = TokenUsage(
            total.input_tokens, total.output_tokens, total.cached_tokens, total.reasoning_tokens
        )
        last = last_chunk(PROVIDER, self.team.name, **metadata)
        last = last.model_copy(update={"usage_metadata": usage_metadata(usage)})
        return [AIMessageChunk(content=rest), last] if rest else [last]


def _rest(answer: str, said: str) -> str:
    """Return what is left to say of an answer; all of it, where the winner began in vain."""
    if answer.startswith(said):
        return answer.removeprefix(said)
    return "" if said.endswith(f"\n\n{answer}") else f"\n\n{answer}"


def _metadata(result: Result) -> dict[str, Any]:
    return {
        "finish_reason": "stop",
        "outcome": result.outcome,
        "winner": result.winner,
        "settled_by": result.settled_by,
        "presented": result.presented,
        "rounds": result.rounds,
        "votes": result.to_dict()["votes"],
        "cost_usd": result.cost,
        "duration_s": result.duration_s,
        "thread_id": result.thread_id,
        **_output(result),
    }


def _output(result: Result) -> dict[str, Any]:
    """Return the answer as a plain value, where an output type asks for one."""
    raw = result.to_dict()
    return {"output": raw["output"]} if "output" in raw else {}
