"""Amounts in few characters."""

from __future__ import annotations

from ...nodes.state import Usage


def tokens(number: int) -> str:
    """Return a number of tokens: `950`, `12.3k`, `4.5M`."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.1f}{name}"
    return str(number)


def clock(seconds: float) -> str:
    """Return a time as `3:07`, or `1:02:03`; what is over is `0:00`."""
    minutes, second = divmod(int(max(seconds, 0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def cost(usage: Usage) -> str:
    """Return what was paid; empty where nobody knows, or nothing was used."""
    paid = usage["cost_usd"]
    if paid is None:
        return ""
    return f"${paid:.4f}" if paid < 1 else f"${paid:,.2f}"


def spent(usage: Usage, estimated: int = 0) -> str:
    """Return tokens and cost; `~` says that some tokens are not counted yet.

    Args:
        usage: What was counted.
        estimated: Tokens of a call that goes on.
    """
    number = usage["input_tokens"] + usage["output_tokens"] + estimated
    told = f"{'~' if estimated else ''}{tokens(number)} tokens"
    return " · ".join(part for part in (told, cost(usage)) if part)
