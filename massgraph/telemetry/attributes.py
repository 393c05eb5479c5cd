"""What spans say of events: attributes by the conventions for generative AI, or our own.

The names are those of the GenAI semantic conventions 0.1.0, the first release of their own after
semantic-conventions 1.41. What has no name there begins with `massgraph.`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..nodes import events as ev
from ..nodes.state import Usage

Attributes = dict[str, str | bool | int | float | Sequence[str]]

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
ERROR = "error.type"

PROVIDERS: Mapping[str, str] = {
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "grok": "x_ai",
}
"""Our names of providers -> those of the conventions, where they differ."""

INNER = "graph"
"""The provider of an agent that is a team, or a graph, itself."""

LONGEST_NAME = 100
"""Characters of a name that a model makes up, such as that of a tool that does not exist."""


def plain(text: str, most: int | None = None) -> str:
    """Return a text that can be sent: halves of characters, which models may write, can't."""
    return text[:most].encode("utf-8", "replace").decode()


def provider(name: str) -> str:
    """Return a provider's name in the conventions."""
    return PROVIDERS.get(name, name)


def spent(usage: Usage) -> Attributes:
    """Return what was used; a cost that is not known is left out."""
    told: Attributes = {
        "gen_ai.usage.input_tokens": usage["input_tokens"],
        "gen_ai.usage.output_tokens": usage["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": usage["cached_tokens"],
        "gen_ai.usage.reasoning.output_tokens": usage["reasoning_tokens"],
        "massgraph.usage.calls": usage["calls"],
        "massgraph.usage.retries": usage["retries"],
        "massgraph.usage.stopped": usage["stopped"],
        "massgraph.usage.wasted_tokens": usage["wasted_tokens"],
    }
    if usage["cost_usd"] is not None:
        told["massgraph.usage.cost_usd"] = usage["cost_usd"]
    return told


def of_run(event: ev.Event) -> Attributes:
    """Return what the span of a run begins with."""
    told: Attributes = {
        OPERATION: "invoke_workflow",
        "gen_ai.conversation.id": event.thread_id,
        "massgraph.run_attempt": event.run_attempt,
    }
    if isinstance(event, ev.RunStarted | ev.RunResumed):
        told["gen_ai.agent.name"] = told["gen_ai.workflow.name"] = event.graph
        told["massgraph.agents"] = [agent["id"] for agent in event.agents]
    return told


def of_agent(event: ev.AgentStamp, backend: Mapping[str, str]) -> Attributes:
    """Return what the span of an agent's turn, or of its presentation, begins with.

    Args:
        event: Its first event.
        backend: The agent as the run's first event tells it.
    """
    told: Attributes = {
        OPERATION: "invoke_agent",
        "gen_ai.agent.name": event.agent,
        "gen_ai.conversation.id": event.thread_id,
        "massgraph.round": event.round,
        "massgraph.epoch": event.epoch,
        "massgraph.presenting": isinstance(event, ev.PresentingStarted),
    }
    if backend.get("provider"):
        told[PROVIDER] = provider(backend["provider"])
    if backend.get("model"):
        told[MODEL] = plain(backend["model"])
    return told


def of_call(event: ev.CallEnded) -> Attributes:
    """Return what the span of a call says, but for what it has used."""
    told: Attributes = {
        OPERATION: "invoke_workflow" if event.provider == INNER else "chat",
        PROVIDER: provider(event.provider),
        "gen_ai.conversation.id": event.thread_id,
        "gen_ai.agent.name": event.agent,
        "gen_ai.request.stream": True,
        "massgraph.round": event.round,
        "massgraph.attempt": event.attempt,
        "massgraph.stopped": event.stopped,
        "massgraph.replayed": event.replayed,
    }
    if event.model:
        told[MODEL] = plain(event.model)
    if event.finish_reason is not None:
        told["gen_ai.response.finish_reasons"] = [event.finish_reason]
    return told


def of_tool(event: ev.ToolStarted | ev.ToolFinished) -> Attributes:
    """Return what the span of a tool begins with."""
    return {
        OPERATION: "execute_tool",
        "gen_ai.tool.name": plain(event.name, LONGEST_NAME),
        "gen_ai.tool.type": "extension" if event.builtin else "function",
        "gen_ai.conversation.id": event.thread_id,
        "gen_ai.agent.name": event.agent,
        "massgraph.round": event.round,
    }


def of_result(result: Mapping[str, Any]) -> Attributes:
    """Return what the span of a run ends with."""
    told: Attributes = {
        **spent(result["usage"]["total"]),
        "massgraph.outcome": result["outcome"],
        "massgraph.rounds": result["rounds"],
    }
    for key in ("winner", "settled_by", "presented"):
        if result[key] is not None:
            told[f"massgraph.{key}"] = result[key]
    return told


def _limit(event: ev.BudgetReached | ev.DeadlineReached) -> Attributes:
    of: Attributes = {} if event.agent is None else {"massgraph.agent": event.agent}
    return {"massgraph.which": event.which, **of}


def _try(event: ev.ActionRefused | ev.AgentRetried) -> Attributes:
    return {"massgraph.attempt": event.attempt}


MOMENTS: Mapping[type, Callable[[Any], Attributes]] = {
    ev.RoundOpened: lambda e: {"massgraph.round": e.round, "massgraph.asked": e.asked},
    ev.Verdict: lambda e: {"massgraph.round": e.round, "massgraph.verdict": e.verdict},
    ev.VoteCast: lambda e: {"massgraph.voter": e.voter, "massgraph.candidate": e.candidate},
    ev.AgentsReleased: lambda e: {
        "massgraph.agents": e.agents,
        "massgraph.because_of": e.because_of,
    },
    ev.BudgetReached: _limit,
    ev.DeadlineReached: _limit,
    ev.CallRetried: lambda e: {"massgraph.wait_s": e.wait_s, **_try(e)},
    ev.ActionRefused: _try,
    ev.AgentRetried: _try,
}
"""What is told as a moment in a run or a turn, and what it says of itself."""
