"""Turn: what the events of an agent's turn have said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..nodes.state import OutcomeKind, Usage, no_usage


@dataclass(slots=True)
class Turn:
    """An agent's turn.

    Args:
        agent: Whose it is.
        round: Its round.
        epoch: Its epoch.
        seen: The labels that it was shown; None where that is not told.
        spent: The tokens that the run had used when it began.
        attempt: The try that it is at.
        tools: How many tools it has called.
        afresh: How often a person had it begin afresh.
        written: The pieces of its answer, by their try.
        outcome: How it has ended.
        why: Why, where it is neither an answer nor a vote.
        text: The answer that it gave, where that is told.
        candidate: Whom it voted for, where that is told.
        usage: What it has used.
        calls: What its calls have used that this attempt of the run has told.
        whole: Whether this attempt has told all of it, from its beginning.
        before: Whether it had ended in an earlier attempt of the run.
    """

    agent: str
    round: int
    epoch: int
    seen: tuple[str, ...] | None = None
    spent: int = 0
    attempt: int = 1
    tools: int = 0
    afresh: int = 0
    written: dict[int, list[str]] = field(default_factory=dict)
    outcome: OutcomeKind | None = None
    why: str = ""
    text: str | None = None
    candidate: str | None = None
    usage: Usage | None = None
    calls: Usage = field(default_factory=no_usage)
    whole: bool = False
    before: bool = False


def tokens_of(usage: Usage) -> int:
    """Return the tokens that count for a budget."""
    return usage["input_tokens"] + usage["output_tokens"] + usage["wasted_tokens"]
