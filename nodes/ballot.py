"""A ballot as a model fills it in: one label, or under a ranked rule labels, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

CHOICE = "agent_id"
RANKING = "ranking"


def ballot_schema(labels: Sequence[str], *, ranked: bool) -> dict[str, Any]:
    """Return the schema of a vote's arguments.

    The labels, the only part that changes, come as late as they can; and the reason comes before
    the choice, so that it is found first.
    """
    one = {"type": "string", "enum": list(labels)}
    choice: dict[str, Any] = {
        "type": "string",
        "description": "Whose answer is best.",
        "enum": one["enum"],
    }
    ranking = {
        "type": "array",
        "description": "Whose answers are best, the best first; those you leave out come last.",
        "minItems": 1,
        "uniqueItems": True,
        "items": one,
    }
    named = RANKING if ranked else CHOICE
    why = "Why is the first of them the best one?" if ranked else "Why is this answer the best one?"
    return {
        "type": "object",
        "required": ["reason", named],
        "additionalProperties": False,
        "properties": {
            "reason": {"type": "string", "description": why},
            named: ranking if ranked else choice,
        },
    }


def read_ranking(given: object, targets: Mapping[str, str]) -> tuple[str, ...] | str:
    """Return the agents that a ranking names, the best first, or what is wrong with it.

    Args:
        given: What a model gave as a ranking.
        targets: The labels that may be ranked, with the agents they stand for.
    """
    legal = f"you can rank: {', '.join(targets)}"
    if not isinstance(given, list) or not given:
        return f"{RANKING} must be a list of labels, the best first, not {_shown(given)}; {legal}."
    labels = cast("list[object]", given)
    ranked: dict[str, str] = {}
    for label in labels:
        if not isinstance(label, str) or label not in targets:
            return f"You can't rank {_shown(label)}; {legal}."
        if label in ranked:
            return f"{RANKING} names {label!r} twice; name each label once at most."
        ranked[label] = targets[label]
    return tuple(ranked.values())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 64 else f"{text[:61]}..."
