"""The machine on the screen: its nodes, and the one where it is."""

from __future__ import annotations

from rich.style import Style

from .amounts import clock
from .frame import Part, Row, row
from .looks import BOLD, DIM, GOOD, HERE, PLAIN
from .view import Node, View

PATH: tuple[Node, ...] = (
    "ask",
    "open_round",
    "agents",
    "collect_votes",
    "restart",
    "debate",
    "select_winner",
    "present_final",
)

_SHORT = {
    "open_round": "round",
    "collect_votes": "votes",
    "select_winner": "winner",
    "present_final": "present",
    "give_up": "no answer",
}


def path(view: View, width: int) -> Row:
    """Return the nodes in a row, the one where the machine is marked."""
    nodes = [*PATH[:-2], "give_up"] if "give_up" in view.visits else list(PATH)
    full = sum(len(node) + 3 for node in nodes) < width
    parts: list[Part] = [(" ", PLAIN)]
    for node in nodes:
        name = node.replace("_", " ") if full else _SHORT.get(node, node)
        link = " | " if node == "debate" else " → "
        parts += [(link, DIM)] if len(parts) > 1 else []
        parts.append((name, _style(view, node)))
    return row(width, *parts)


def _style(view: View, node: str) -> Style:
    if node == view.node:
        return HERE
    return PLAIN if view.visits[node] else DIM


_MAP: tuple[tuple[Node, str, str], ...] = (
    ("ask", "", "the question is asked"),
    ("open_round", "", "a round begins"),
    ("agents", "", "all who are asked work at once"),
    ("collect_votes", "", "answers and votes are judged, and the verdict is one of:"),
    ("restart", "new answer", "votes are void; everybody sees the answers  → open_round"),
    ("open_round", "unfinished", "whoever owes a vote is asked again"),
    ("debate", "no consensus", "the votes are shown; everybody votes again  → open_round"),
    ("select_winner", "settled", "the votes stand"),
    ("give_up", "no answer", "nobody has an answer  → end"),
    ("present_final", "", "the winner writes the final answer  → end"),
)


def map_page(view: View, width: int, now: float) -> list[Row]:
    """Return the machine, a node a row: how often it was there, and where it is."""
    rows = [row(width), row(width, ("Where the machine is", BOLD)), row(width)]
    for node, verdict, what in _MAP:
        here = node == view.node and verdict != "unfinished"
        visits = view.visits[node] if verdict != "unfinished" else 0
        rows.append(
            row(
                width,
                ("▸ " if here else "  ", HERE),
                (f"{verdict:>13} " if verdict else "", GOOD if _is(view, verdict) else DIM),
                (f"{node.replace('_', ' '):<14}", HERE if here else PLAIN if visits else DIM),
                (f"{f'{visits}x' if visits else '':>4}  ", DIM),
                (what, DIM),
            )
        )
    rows += [row(width), *(row(width, part) for part in _facts(view, now))]
    return rows


def _is(view: View, verdict: str) -> bool:
    return bool(verdict) and view.verdict == verdict.replace(" ", "_")


def _facts(view: View, now: float) -> list[Part]:
    facts = [f"round {view.round}, epoch {view.epoch}; the thread is {view.thread or 'not kept'}"]
    if view.verdict:
        facts.append(f"the last verdict: {view.verdict.replace('_', ' ')}")
    if view.answers:
        facts.append(f"answers of {', '.join(view.answers)}")
    if view.winner:
        facts.append(f"winner: {view.winner}, by {view.settled_by.replace('_', ' ')}")
    facts += [f"the {name} ends in {clock(due - now)}" for name, due in view.deadlines().items()]
    return [(fact, PLAIN) for fact in facts]
