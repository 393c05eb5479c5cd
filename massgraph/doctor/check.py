"""A check: one thing that was looked at, and what to do about it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from ..backends.keys import struck, without_keys

Level = Literal["ok", "warning", "problem"]

_SECRET = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|HEADERS)(?:_|$)")
_USER = re.compile(r"//[^/\s]*@")
"""User and password of a URL."""
_SHORTEST = 8
"""A shorter value is no secret, and to strike it out would garble the message."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Args:
        name: What was looked at.
        level: `problem` where a run would fail, `warning` where it may surprise.
        found: How it stands.
        todo: What to do next; empty where there is nothing to do.
    """

    name: str
    level: Level
    found: str
    todo: str = ""

    @property
    def line(self) -> str:
        """The check in one line."""
        todo = f"; {self.todo}" if self.todo else ""
        return f"{self.level:7}  {self.name}: {self.found}{todo}"

    def clean(self) -> Check:
        """Return the check without anything that is, or looks like, a key."""
        return Check(self.name, self.level, _clean(self.found), _clean(self.todo))


def _clean(text: str) -> str:
    secrets = [
        value.strip()
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST
    ]
    return " ".join(_USER.sub("//", without_keys(struck(text, secrets))).split())
