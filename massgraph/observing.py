"""Observers: who is told every event of a team's runs, beside whoever reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from .nodes.events import Event

logger = logging.getLogger("massgraph")

Taking = Callable[[Event], None]
"""Takes the next event of a run, on the run's event loop: it must not wait."""


class Observer(Protocol):
    """Whoever is told what happens in runs, such as `massgraph.telemetry.Telemetry`."""

    def observe(self) -> Taking:
        """Return what takes the events of one run, from its first to its `run_finished`.

        It is called where the run is started, in the context of the caller.
        """
        ...


class Watching:
    """Hands the events of one run on to observers; one that raises harms nobody.

    Args:
        observers: Who observes it.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._taking: list[Taking] = []
        for observer in observers:
            try:
                self._taking.append(observer.observe())
            except Exception:
                logger.exception("An observer of a run fails, and is left out.")

    def take(self, event: Event) -> None:
        """Hand on the next event."""
        for taking in self._taking:
            try:
                taking(event)
            except Exception:
                logger.exception("An observer of a run fails, and is told nothing more of it.")
                self._taking = [one for one in self._taking if one is not taking]
