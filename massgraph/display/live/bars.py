"""The bars: what is asked, how far it is, and which keys there are."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from ..safe_text import one_line
from .amounts import clock, cost, tokens
from .cells import cut
from .frame import Part, Row, row, spread
from .looks import ASK, BAD, BOLD, DIM, GOOD, HERE, KEY, PLAIN
from .place import Place
from .view import View

SOON_S = 30.0
"""Seconds before a deadline from which on it is told in red."""


def title(view: View, width: int, now: float) -> Row:
    """Return the question, and how long the run has gone on."""
    graph = one_line(view.graph, 30) or "massgraph"
    end: list[Part] = [(f"  {clock(now)} ", DIM)]
    room = max(width - 5 - cell_len(graph) - cell_len(end[0][0]), 0)
    asked = cut(one_line(view.question, 400), room)
    return spread(width, [(f" {graph}  ", HERE), (asked, BOLD)], end, (" ", PLAIN))


def status(view: View, width: int, now: float, *, node: bool) -> Row:
    """Return where the run is and what it has used: as much of it as there is room for.

    Args:
        view: The run.
        width: Columns.
        now: Seconds since the run began.
        node: Whether the node of the machine is told, too.
    """
    left, right = _where(view, now, node=node), _used(view)
    room = width - 2
    kept: set[int] = set()
    for _, index, text in sorted((rank, n, text) for n, (rank, text, _) in enumerate(left + right)):
        if cell_len(text) + 3 <= room:
            kept.add(index)
            room -= cell_len(text) + 3
    shown = [(text, style) for n, (_, text, style) in enumerate(left) if n in kept]
    end = [(text, style) for n, (_, text, style) in enumerate(right, len(left)) if n in kept]
    ends = [*_dotted(end), (" ", PLAIN)] if end else []
    return spread(width, [(" ", PLAIN), *_dotted(shown)], ends, (" ", PLAIN))


Fact = tuple[int, str, Style]
"""How soon something is left out where there is no room (0: last), the text, and its look."""


def _where(view: View, now: float, *, node: bool) -> list[Fact]:
    over = view.result is not None
    good = view.result is not None and view.result["outcome"] == "settled"
    facts: list[Fact] = [(0, view.phase, GOOD if good else BAD if over else HERE)]
    if node and view.node is not None:
        facts.append((5, f"at {view.node.replace('_', ' ')}", PLAIN))
    facts.append((1, f"round {view.round}", PLAIN))
    for rank, (name, due) in zip((2, 6), view.deadlines().items(), strict=False):
        left_s = due - now
        facts.append((rank, f"{name} ends in {clock(left_s)}", BAD if left_s < SOON_S else DIM))
    return facts


def _used(view: View) -> list[Fact]:
    total, guess = view.total(), view.estimated
    facts: list[Fact] = [
        (4, f"{tokens(total['input_tokens'])} in", DIM),
        (4, f"{'~' if guess else ''}{tokens(total['output_tokens'] + guess)} out", DIM),
    ]
    if total["wasted_tokens"]:
        facts.append((7, f"{tokens(total['wasted_tokens'])} wasted", DIM))
    paid = cost(total)
    return [*facts, (3, paid, DIM)] if paid else facts


def _dotted(parts: list[Part]) -> list[Part]:
    dotted: list[Part] = []
    for part in parts:
        dotted += [(" · ", DIM), part] if dotted else [part]
    return dotted


_ALWAYS = ("q", "?")
"""Keys that are told before all others."""

_ON_AGENT = (("c", "cancel"), ("r", "retry"))
_ON_PAGE = (("q", "back"), ("j k", "scroll"), ("?", "help"))
_KEYS = {
    "home": (
        *(("tab", "focus"), ("enter", "whole output"), ("v", "votes"), ("g", "graph")),
        *(*_ON_AGENT, ("q", "quit"), ("?", "help")),
    ),
    "agent": (
        *(("q", "back"), ("tab", "next agent"), ("j k", "scroll"), ("end", "follow")),
        *(*_ON_AGENT, ("?", "help")),
    ),
    "votes": _ON_PAGE,
    "graph": _ON_PAGE,
    "help": _ON_PAGE[:2],
}


def keys(place: Place, width: int, hint: str = "") -> Row:
    """Return the keys of a screen, or what is asked.

    Args:
        place: Where the person is.
        width: Columns.
        hint: What is said instead, if anything.
    """
    if place.asking is not None:
        what = place.asking.kind.partition("_")[0]
        return row(width, (f" {what} {place.asking.agent}?  y / n", ASK))
    if hint:
        return row(width, (f" {hint}", ASK))
    offered = _KEYS[place.screen]
    left = width + 2  # the last one needs no space after it
    kept: set[str] = set()
    for key, what in sorted(offered, key=lambda one: one[0] not in _ALWAYS):
        wide = len(key) + len(what) + 4
        if wide <= left - 1:
            kept.add(key)
            left -= wide
    parts: list[Part] = []
    for key, what in offered:
        if key in kept:
            parts += [("   " if parts else " ", PLAIN), (key, KEY), (f" {what}", DIM)]
    return row(width, *parts)
