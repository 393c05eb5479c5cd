"""Telemetry of the commands that run teams: on where the environment asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..observing import Observer

_PREFIXES = ("OTEL_", "LANGSMITH_", "LANGCHAIN_")
_sending: list[Callable[[], object]] = []


def observe(team: TeamConfig) -> None:
    """Have a team's runs sent to where the environment wants them."""
    observer = _observer()
    if observer is not None:
        team.observers.append(observer)


@cache
def _observer() -> Observer | None:
    """Return the process's own observer, if the environment wants one."""
    if not any(name.startswith(_PREFIXES) for name in os.environ):
        return None
    from ..telemetry import langsmith
    from ..telemetry.environment import exporting

    if langsmith.is_on():
        langsmith.tame()
        _sending.append(langsmith.flush)
    found = exporting()
    if found is None:
        return None
    _sending.extend(found.closing)
    return found.telemetry


def send_the_rest() -> None:
    """Send what is left at the end of the program, for a moment; whoever interrupts it is right."""
    if _sending:
        from ..telemetry.last_words import say_last_words

        with suppress(KeyboardInterrupt):
            say_last_words(_sending)
        _sending.clear()
