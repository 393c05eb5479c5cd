"""The events of a run as lines of the program's log: who, how long and how much, never what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from . import events as ev
from .log_line import LogLine
from .state import Usage

INFO, DEBUG = logging.INFO, logging.DEBUG

_RUN = logging.getLogger("massgraph.run")
_CALL = logging.getLogger("massgraph.call")
_TOOL = logging.getLogger("massgraph.tool")

Told = tuple[logging.Logger, int, str, Callable[[Any], Mapping[str, object]]]
"""Which logger tells it, at which level, in which words, and with which values."""


def log_event(event: ev.Event) -> None:
    """Log an event; pieces of text are none of the log's."""
    told = _TOLD.get(type(event))
    if told is None or not told[0].isEnabledFor(told[1]):
        return
    logger, level, said, values = told
    logger.log(level, LogLine(said, thread_id=event.thread_id, **values(event)))


def _begun(event: ev.RunStarted | ev.RunResumed) -> Mapping[str, object]:
    return {
        "attempt": event.run_attempt,
        "graph": event.graph,
        "agents": [agent["id"] for agent in event.agents],
    }


def _finished(event: ev.RunFinished) -> Mapping[str, object]:
    result = event.result
    return {
        "outcome": result["outcome"],
        "settled_by": result["settled_by"],
        "winner": result["winner"],
        "rounds": result["rounds"],
        "seconds": result["duration_s"],
        "calls": result["usage"]["total"]["calls"],
        **_used(result["usage"]["total"]),
    }


def _call(event: ev.CallEnded) -> Mapping[str, object]:
    return {
        "agent": event.agent,
        "provider": event.provider,
        "model": event.model,
        "finish_reason": event.finish_reason,
        "failure": event.failure,
        "stopped": event.stopped or None,
        "replayed": event.replayed or None,
        "seconds": event.seconds,
        **_used(event.usage),
    }


def _tool(event: ev.ToolFinished) -> Mapping[str, object]:
    return {
        "agent": event.agent,
        "tool": event.name[:64],
        "failed": event.error is not None,
        "seconds": None if event.builtin else event.seconds,
    }


def _used(usage: Usage) -> Mapping[str, object]:
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "cost_usd": usage["cost_usd"],
    }


def _accepted(event: ev.AnswersAccepted) -> Mapping[str, object]:
    return {"agents": [answer["agent"] for answer in event.answers], "epoch": event.epoch}


def _only(*names: str) -> Callable[[Any], Mapping[str, object]]:
    return lambda event: {name: getattr(event, name) for name in names}


_TOLD: Mapping[type[Any], Told] = {
    ev.RunStarted: (_RUN, INFO, "run begun", _begun),
    ev.RunResumed: (_RUN, INFO, "run goes on", _begun),
    ev.RunFinished: (_RUN, INFO, "run ended", _finished),
    ev.RoundOpened: (_RUN, INFO, "round opened", _only("round", "asked")),
    ev.TurnStarted: (_RUN, DEBUG, "turn begun", _only("agent", "round")),
    ev.TurnEnded: (_RUN, INFO, "turn ended", _only("agent", "round", "outcome", "kind", "seconds")),
    ev.AgentRetried: (_RUN, INFO, "agent asked afresh", _only("agent", "round")),
    ev.ActionRefused: (_RUN, DEBUG, "try refused", _only("agent", "round", "attempt")),
    ev.AnswersAccepted: (_RUN, INFO, "answers accepted", _accepted),
    ev.DebateOpened: (_RUN, INFO, "debate opened", _only("round")),
    ev.AgentsReleased: (_RUN, INFO, "agents stopped", _only("agents", "because_of", "reason")),
    ev.VoteCast: (_RUN, DEBUG, "vote cast", _only("voter", "candidate", "round")),
    ev.VoteDropped: (_RUN, DEBUG, "vote dropped", _only("voter", "candidate", "round")),
    ev.Verdict: (_RUN, DEBUG, "verdict", _only("round", "verdict")),
    ev.WinnerSelected: (_RUN, INFO, "winner selected", _only("winner", "settled_by")),
    ev.PresentingStarted: (_RUN, DEBUG, "presenting begun", _only("agent")),
    ev.PresentingEnded: (_RUN, INFO, "presenting ended", _only("agent", "presented")),
    ev.BudgetReached: (_RUN, INFO, "budget reached", _only("which", "agent")),
    ev.DeadlineReached: (_RUN, INFO, "deadline reached", _only("which", "agent")),
    ev.CallRetried: (_CALL, INFO, "call sent again", _only("agent", "attempt", "wait_s")),
    ev.CallEnded: (_CALL, INFO, "call ended", _call),
    ev.ToolStarted: (_TOOL, DEBUG, "tool begun", lambda e: {"agent": e.agent, "tool": e.name[:64]}),
    ev.ToolFinished: (_TOOL, INFO, "tool ended", _tool),
}
