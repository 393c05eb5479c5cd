"""Outcomes of runs: which of them are ends, and which leave a run that can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nodes.state import RunOutcome

OVER: tuple[RunOutcome, ...] = ("settled", "no_answer")
"""Outcomes of runs that came to their own end, and never go on; the others were cut short."""
