"""The vote board: who votes for whom, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.style import Style

from .cells import cut, wrapped
from .frame import Part, Row, Size, box, row
from .grid import shares
from .looks import BAD, BOLD, DIM, GOOD, PLAIN, colour
from .view import View, VoteView


def board(view: View, size: Size) -> list[Row]:
    """Return the votes of this epoch in a box, a row each; what has no room is counted."""
    votes = [*view.votes.values()] or view.ballots
    inner = Size(size.width - 4, max(size.height - 2, 0))
    body = _rows(view, votes, inner) if votes else [row(inner.width, (_none(view), DIM))]
    title = "votes" if view.votes or not view.ballots else "votes before the debate"
    return box(size, body, head=[(title, PLAIN)], aside=tally(view, votes))


def _none(view: View) -> str:
    """Return what is said where there is no vote."""
    if not view.answers:
        return "no votes yet: there is no answer to vote on"
    return f"no votes yet, on {len(view.answers)} answer{'s' if len(view.answers) > 1 else ''}"


def tally(view: View, votes: Sequence[VoteView]) -> list[Part]:
    """Return how many votes each candidate has."""
    counted = Counter(vote.candidate for vote in votes if not vote.dropped)
    parts: list[Part] = []
    for candidate, number in counted.most_common():
        won = candidate == view.winner
        parts += [("  ", PLAIN)] if parts else []
        parts += [
            (candidate, tint(view, candidate)),
            (f" {number}{' won' if won else ''}", GOOD if won else BOLD),
        ]
    return parts


def tint(view: View, agent: str) -> Style:
    """Return an agent's colour."""
    agents = list(view.agents)
    return colour(agents.index(agent)) if agent in agents else PLAIN


def _rows(view: View, votes: Sequence[VoteView], size: Size) -> list[Row]:
    columns = 2 if size.width >= 110 and len(votes) > size.height else 1
    widths = shares(size.width - 2 * (columns - 1), columns)
    room = size.height * columns
    shown = votes if len(votes) <= room else votes[: room - 1]
    rows = [_vote(view, vote, widths[0]) for vote in shown]
    if len(shown) < len(votes):
        rows.append(row(widths[0], (f"and {len(votes) - len(shown)} more: press v", DIM)))
    if columns == 1:
        return rows
    rows += [row(widths[1])] * (size.height * 2 - len(rows))
    halves = zip(rows[: size.height], rows[size.height :], strict=True)
    return [row(size.width, *_parts(left), ("  ", PLAIN), *_parts(right)) for left, right in halves]


def _parts(made: Row) -> list[Part]:
    return [(piece.text, piece.style or PLAIN) for piece in made]


def _vote(view: View, vote: VoteView, width: int) -> Row:
    names = _name_width(view, width)
    parts: list[Part] = [
        (f"{cut(vote.voter, names):<{names}}", tint(view, vote.voter)),
        (" → ", DIM),
        (f"{cut(vote.candidate, names):<{names}}  ", tint(view, vote.candidate)),
    ]
    if vote.dropped:
        return row(width, *parts, (f"does not count: {vote.dropped}", BAD))
    return row(width, *parts, (vote.reason, PLAIN))


def _name_width(view: View, width: int) -> int:
    return min(max(map(len, view.agents), default=1), max(width // 5, 3))


def votes_page(view: View, width: int) -> list[Row]:
    """Return all votes with their whole reasons."""
    rows: list[Row] = []
    for title, votes in (
        (f"Votes on the answers of epoch {view.epoch}", [*view.votes.values()]),
        ("Votes before the debate", view.ballots),
    ):
        if not votes and title.startswith("Votes before"):
            continue
        rows += [
            row(width),
            row(width, (title, BOLD), ("   ", PLAIN), *tally(view, votes)),
            row(width),
        ]
        rows += [line for vote in votes for line in _whole(view, vote, width)]
        if not votes:
            rows.append(row(width, (_none(view), DIM)))
    rows += _without(view, width)
    return rows


def _whole(view: View, vote: VoteView, width: int) -> list[Row]:
    ranked = " > ".join(vote.ranking[1:]) if vote.ranking else ""
    head = row(
        width,
        (vote.voter, tint(view, vote.voter)),
        (" → ", DIM),
        (vote.candidate, tint(view, vote.candidate)),
        (f" > {ranked}" if ranked else "", DIM),
        (f"   does not count: {vote.dropped}" if vote.dropped else "", BAD),
    )
    reason = wrapped(vote.reason, max(width - 4, 1)) if vote.reason else ()
    return [head, *(row(width, ("    ", PLAIN), (text, PLAIN)) for text in reason), row(width)]


def _without(view: View, width: int) -> list[Row]:
    """Return who has no vote."""
    if not view.votes:
        return []
    left = [agent for agent in view.agents if agent not in view.votes]
    return [row(width, (f"no vote of {', '.join(left)}", DIM))] if left else []
