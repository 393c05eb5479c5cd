"""The new answers of a round: who wrote what, and which of them say the same."""

from __future__ import annotations

from collections.abc import Iterator

from ..nodes import events as ev
from ..nodes.novelty import fold_space
from .line import Line


class Drafts:
    """The new answers of a round: which of them say the same."""

    def __init__(self) -> None:
        self.accepted = False
        """Whether there has been an answer that stands."""
        self._pieces: dict[str, tuple[int, list[str]]] = {}
        self._new: list[str] = []

    def begin_round(self) -> None:
        """Forget the round before."""
        self._pieces.clear()
        self._new.clear()

    def write(self, event: ev.AnswerText) -> None:
        """Take a piece of an answer in."""
        attempt, pieces = self._pieces.get(event.agent, (event.attempt, []))
        if attempt != event.attempt:
            pieces = []
        pieces.append(event.delta)
        self._pieces[event.agent] = (event.attempt, pieces)

    def forget(self, agent: str) -> None:
        """Drop what an agent has written: it begins afresh."""
        self._pieces.pop(agent, None)

    def end(self, agent: str) -> None:
        """Note that an agent has a new answer."""
        self._new.append(agent)

    def same(self, event: ev.AnswersAccepted) -> Iterator[Line]:
        """Tell whose new answer was published under a peer's name."""
        published = {fold_space(one["text"]): one["agent"] for one in event.answers}
        for agent in self._new:
            if agent not in published.values():
                _, pieces = self._pieces.get(agent, (0, []))
                other = published.get(fold_space("".join(pieces)), "another answer")
                yield Line(f"says the same as {other}", "note", agent)
        self.accepted = True
