"""Searching, as the settings of Live Search told it, which xAI has replaced by tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import UserError

SearchMode = Literal["off", "auto", "on"]


@dataclass(frozen=True, slots=True)
class Search:
    """What the model may search, and what is told of it.

    Args:
        mode: Whether it may search the web, or is told to.
        most_sources: Pages of a search, and citations, that are told at most.
        citations: Whether the answer's citations are told.
    """

    mode: SearchMode
    most_sources: int | None
    citations: bool

    @classmethod
    def of(
        cls, mode: SearchMode | None, most_sources: int | None, *, citations: bool, web: bool
    ) -> Search:
        """Return what the settings say; `web` is `enable_web_search`.

        Raises:
            UserError: When they contradict each other.
        """
        if mode == "off" and web:
            raise UserError(
                "grok: search_mode 'off' and enable_web_search contradict each other.",
                hint="Leave out one of them.",
            )
        return cls(mode or ("auto" if web else "off"), most_sources, citations)
