"""Nobody: stands in for the backends of a graph that is looked at, and not run."""

from __future__ import annotations

from ..backends.scripted import ScriptedBackend


class Nobody(ScriptedBackend):
    """A backend whose agent's turn is drawn: what plays it is built once for all of them."""

    def __init__(self) -> None:
        super().__init__([{"text": "drawn"}])
