"""The picture: the view as a frame, a pure function of what there is to show."""

from __future__ import annotations

from dataclasses import dataclass

from .bars import keys, status, title
from .board import board, tint, votes_page
from .frame import Frame, Part, Row, Size, beside, box, row
from .grid import NO_FRAME, grid, shares, window
from .looks import BOLD, DIM, HERE, PLAIN, colour
from .machine_map import map_page, path
from .panel import Scrolled, compact, doing, panel, spent_of, word
from .place import HELP, Place
from .view import View

_LOWEST_BOARD = 20
"""Rows of a terminal from which on there is a vote board."""

_WIDE = 100
"""Columns from which on the machine's story is beside the votes."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Which bars there are."""

    above: list[Row]
    below: list[Row]


def picture(view: View, size: Size, place: Place, now: float, hint: str = "") -> Frame:
    """Return what a terminal shows.

    Args:
        view: The run.
        size: Of the terminal.
        place: Where the person is.
        now: Seconds since the run began.
        hint: What is said in the place of the keys.
    """
    bars = _bars(view, size, place, now, hint)
    space = Size(size.width, max(size.height - len(bars.above) - len(bars.below), 0))
    frame = _body(view, space, place, now)
    blank = row(size.width)
    body = [*frame.rows[: space.height], *[blank] * (space.height - len(frame.rows))]
    frame.rows = [*bars.above, *body, *bars.below][: size.height]
    return frame


def _bars(view: View, size: Size, place: Place, now: float, hint: str) -> Bars:
    high, wide = size.height, size.width
    with_path = high >= 16 and wide >= 72
    above = [title(view, wide, now)] if high >= 4 else []
    above += [path(view, wide)] if with_path else []
    below = [status(view, wide, now, node=not with_path)]
    if high >= 7 or place.asking is not None:
        below.append(keys(place, wide, hint))
    return Bars(above, below)


def _body(view: View, space: Size, place: Place, now: float) -> Frame:
    match place.screen:
        case "home" if not view.agents:
            return Frame([row(space.width, ("  waiting for the run to begin", DIM))])
        case "home":
            return _home(view, space, place, now)
        case "agent":
            return _agent(view, space, place, now)
        case "votes":
            return _paged(votes_page(view, inside(space.width)), space, place.top or 0)
        case "graph":
            return _paged(map_page(view, inside(space.width), now), space, place.top or 0)
        case "help":
            return _paged(_help(inside(space.width)), space, place.top or 0)


def _paged(rows: list[Row], space: Size, top: int) -> Frame:
    """Return rows with a margin, from one of them on."""
    last = max(len(rows) - space.height, 0)
    top = min(top, last)
    margin = row((space.width - inside(space.width)) // 2)
    shown = [[*margin, *line, *margin] for line in rows[top : top + space.height]]
    return Frame(shown, top=top, last=last, shown=space.height)


def _bare(size: Size) -> bool:
    """Return whether there is no room for a frame."""
    return size.height < 4 or size.width < NO_FRAME


def inside(width: int) -> int:
    """Return how wide text is that has a margin on both sides, if there is room for one."""
    return width - 4 if width >= 20 else width


def _help(width: int) -> list[Row]:
    rows = [row(width), row(width, ("Keys", BOLD)), row(width)]
    rows += [row(width, (f"{key:<18}", HERE), (what, PLAIN)) for key, what in HELP]
    return rows


def _focused(view: View, place: Place) -> int:
    return min(place.focus, max(len(view.agents) - 1, 0))


def _home(view: View, space: Size, place: Place, now: float) -> Frame:
    if view.presenting is not None:
        return _final(view, space, place)
    foot = _foot(view, space)
    left = Size(space.width, space.height - len(foot))
    frame = _panels(view, left, place, now) or _compact(view, left, place)
    blank = row(space.width)
    frame.rows += [blank] * (left.height - len(frame.rows)) + foot
    return frame


def _foot(view: View, space: Size) -> list[Row]:
    """Return the vote board, and beside it what the machine has said."""
    if space.height < _LOWEST_BOARD - 4 or space.width < NO_FRAME:
        return []
    height = min(max(len(view.agents), 3) + 2, max(space.height // 5, 5))
    if space.width < _WIDE:
        return board(view, Size(space.width, height))
    left, right = shares(space.width, 2)
    return beside(board(view, Size(left, height)), _story(view, Size(right, height)))


def _story(view: View, size: Size) -> list[Row]:
    body = Scrolled(view.log, Size(size.width - 4, size.height - 2)).shown()
    return box(size, body, head=[("what happened", PLAIN)])


def _panels(view: View, space: Size, place: Place, now: float) -> Frame | None:
    """Return a panel for each agent, or None where they have no room."""
    sizes = grid(len(view.agents), space)
    if sizes is None:
        return None
    focus = _focused(view, place)
    frame = Frame()
    agents = iter(enumerate(view.agents.values()))
    for line in sizes:
        columns: list[list[Row]] = []
        for size in line:
            number, agent = next(agents)
            focused = number == focus and place.chosen
            inner = Size(size.width - 4, size.height - 2)
            top = place.top if focused else None
            scrolled = Scrolled(agent.page, inner, top, colour(number))
            if focused:
                _note_scroll(frame, scrolled, inner)
            columns.append(panel(agent, number, size, now, scrolled, focused=focused))
        frame.rows += beside(*columns)
    return frame


def _note_scroll(frame: Frame, scrolled: Scrolled, inner: Size) -> None:
    """Note what keys need to scroll by."""
    frame.shown = inner.height
    frame.last = max(scrolled.rows - inner.height, 0)
    frame.top = frame.last if not scrolled.last else scrolled.top


def _compact(view: View, space: Size, place: Place) -> Frame:
    """Return a row for each agent, in columns where there is room for them."""
    agents = list(view.agents.values())
    columns = max(min(-(-len(agents) // max(space.height, 1)), space.width // 40), 1)
    focus = _focused(view, place)
    shown = list(window(len(agents), focus, space.height * columns))
    widths = shares(space.width, columns)
    high = -(-len(shown) // columns) if shown else 0
    rows: list[Row] = []
    for line in range(high):
        made: Row = []
        for column, width in enumerate(widths):
            at = column * high + line
            if at < len(shown):
                number = shown[at]
                focused = place.chosen and number == focus
                made += compact(agents[number], number, width, focused=focused)
            else:
                made += row(width)
        rows.append(made)
    return Frame(rows)


def _agent(view: View, space: Size, place: Place, now: float) -> Frame:
    """Return the whole output of one agent."""
    agents = list(view.agents.values())
    if not agents:
        return Frame()
    number = _focused(view, place)
    agent = agents[number]
    bare = _bare(space)
    inner = space if bare else Size(space.width - 4, space.height - 2)
    scrolled = Scrolled(agent.page, inner, place.top, colour(number))
    rows = scrolled.shown() if bare else panel(agent, number, space, now, scrolled, focused=True)
    frame = Frame(rows)
    _note_scroll(frame, scrolled, inner)
    return frame


def _final(view: View, space: Size, place: Place) -> Frame:
    """Return the final answer as it is written, and the agents in a strip above it."""
    frame = Frame(_strip(view, space.width) if space.height >= 6 else [])
    foot = _foot(view, space) if space.height >= _LOWEST_BOARD else []
    size = Size(space.width, space.height - len(frame.rows) - len(foot))
    who = view.presenting or ""
    agent = view.agents.get(who)
    shade = tint(view, who)
    bare = _bare(size)
    inner = size if bare else Size(size.width - 4, size.height - 2)
    scrolled = Scrolled(view.final, inner, place.top, shade)
    _note_scroll(frame, scrolled, inner)
    if bare:
        frame.rows += scrolled.shown()
        return frame
    head: list[Part] = [("final answer", BOLD), (" by ", DIM), (who, shade + BOLD)]
    aside = [doing(agent)] if agent is not None else []
    used = spent_of(agent) if agent is not None else []
    frame.rows += box(size, scrolled.shown(), head=head, aside=aside, below=used, edge=shade)
    frame.rows += foot
    return frame


def _strip(view: View, width: int) -> list[Row]:
    parts: list[Part] = [(" ", PLAIN)]
    for number, agent in enumerate(view.agents.values()):
        parts += word(agent, number)
    return [row(width, *parts)]
