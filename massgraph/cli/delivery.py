"""Deliver the result of a run: what is printed, what is written, and the exit status."""

from __future__ import annotations

import sys
from typing import Any

from ..display.manners import is_terminal
from ..display.safe_text import safe
from .ending import Status, error, say
from .output import answer_bytes, json_line
from .screen import Asking
from .signals import WORDS, Signals


def deliver(result: dict[str, Any], asking: Asking, *, below: bool = False) -> None:
    """Print the result, and write the file.

    Args:
        result: The result.
        asking: Where it goes, and in which form.
        below: Whether a display was shown: on the same terminal, a blank line parts them.
    """
    answer = result["answer"]
    try:
        if asking.form == "json":
            asking.stdout.write(json_line(result))
        elif asking.form == "text" and answer is not None:
            # On a terminal the answer must do no more than be read; a program gets its very bytes.
            shown = safe(answer) if asking.stdout.is_terminal else answer
            if below and asking.stdout.is_terminal and is_terminal(sys.stderr):
                say("")
            asking.stdout.write(answer_bytes(shown) + b"\n")
    finally:
        if asking.file is not None and answer is not None:
            asking.file.write(answer_bytes(answer))


def status_of(result: dict[str, Any], signals: Signals, *, again: str | None = None) -> Status:
    """Return the exit status that a result asks for, and say why it is no good one.

    Args:
        result: The result.
        signals: What came meanwhile.
        again: The command that goes on with the run; None if it is not stored.
    """
    match result["outcome"]:
        case "settled":
            return Status.OK
        case "no_answer":
            why = _failures(result["failures"])
            error(f"no agent has produced an answer{': ' + why if why else ''}")
            return Status.NO_ANSWER
        case "cancelled" if signals.status is not None:
            error(f"{WORDS[signals.status]}: the run was cancelled; {how_to_go_on(again)}")
            return signals.status
        case _:
            return Status.FAILED


def how_to_go_on(again: str | None) -> str:
    """Return what is told of a run that was stopped.

    Args:
        again: The command that goes on with it; None if it is not stored.
    """
    if again is None:
        return "it is not stored, so ask again to start afresh"
    return f"go on with it: {again}"


def _failures(failures: dict[str, dict[str, Any]]) -> str:
    """Return why agents failed, those with the same reason together."""
    agents: dict[str, list[str]] = {}
    for agent, failure in failures.items():
        agents.setdefault(f"{failure['kind']}: {failure['message']}", []).append(agent)
    return "; ".join(f"{', '.join(who)}: {why}" for why, who in agents.items())
