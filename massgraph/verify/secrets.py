"""S10: no event contains a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from ..nodes.events import Delta, Event
from .finding import Found

SHORTEST = 8
"""Characters that a secret has at least: shorter ones are placeholders, and found anywhere."""


class Secrets:
    """Texts that no event may contain, also not in pieces.

    Args:
        known: The texts; those that are too short are not looked for.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(secret for secret in set(known) if len(secret) >= SHORTEST)
        self._longest = max(map(len, self._known), default=0)
        self._tails: dict[tuple[str, str], str] = {}

    @property
    def known(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._known)

    def told_by(self, event: Event) -> Found:
        """Find secrets in an event; none is repeated."""
        texts = list(_texts(dataclasses.asdict(event)))
        if isinstance(event, Delta):
            key = event.type, event.agent
            whole = self._tails.get(key, "") + event.delta
            self._tails[key] = whole[-self._longest :]
            texts.append(whole)
        if any(secret in text for text in texts for secret in self._known):
            yield "S10", f"{event.type} contains a key"


def _texts(value: Any) -> Iterator[str]:
    """Return all texts in a plain value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
