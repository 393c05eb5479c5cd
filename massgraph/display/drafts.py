"""The new answers of a round: who wrote what, and which of them say the same."""

from __future__ import annotations

import io
from collections.abc import Iterator

from ..nodes import events as ev
from ..nodes.novelty import fold_space
from .line import Line


class Drafts:
    """The new answers of a round: which of them say the same."""

    def __init__(self) -> None:
        self.accepted = False
        """Whether there has been an answer that stands."""
        self._texts: dict[str, tuple[int, io.StringIO]] = {}
        self._new: list[str] = []

    def begin_round(self) -> None:
        """Forget the round before."""
        self._texts.clear()
        self._new.clear()

    def write(self, event: ev.AnswerText) -> None:
        """Take a piece of an answer in."""
        attempt, text = self._texts.get(event.agent, (0, io.StringIO()))
        if attempt != event.attempt:
            text = io.StringIO()
        text.write(event.delta)  # a list of pieces would be many times as large
        self._texts[event.agent] = (event.attempt, text)

    def forget(self, agent: str) -> None:
        """Drop what an agent has written: it begins afresh."""
        self._texts.pop(agent, None)

    def end(self, agent: str) -> None:
        """Note that an agent has a new answer."""
        self._new.append(agent)

    def same(self, event: ev.AnswersAccepted) -> Iterator[Line]:
        """Tell whose new answer was published under a peer's name."""
        published = {fold_space(one["text"]): one["agent"] for one in event.answers}
        for agent in self._new:
            if agent not in published.values():
                _, text = self._texts.get(agent, (0, io.StringIO()))
                other = published.get(fold_space(text.getvalue()), "another answer")
                yield Line(f"says the same as {other}", "note", agent)
        self.accepted = True
