"""An agent on the screen: a panel, a row, or a word."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from ..line import Line
from .amounts import clock, spent
from .cells import cut, from_end, wrapped
from .frame import Part, Row, Size, box, row
from .looks import BAD, BOLD, DIM, FRAME, HERE, LINES, MARKS, PLAIN, WORDS, colour
from .page import RULE, Page
from .view import AgentView

_GUTTER = 2


class Scrolled:
    """A page in a space: which of its rows are shown.

    Args:
        page: The page.
        size: The space.
        top: The first row to show; None shows the end.
        tint: The colour of its agent.
    """

    def __init__(self, page: Page, size: Size, top: int | None = None, tint: Style = PLAIN) -> None:
        self._page = page
        self._size = size
        self._tint = tint
        self._width = max(size.width - _GUTTER, 1)
        if top is None:
            self.last = self.top = 0
            return
        self.last = max(self.rows - size.height, 0)
        self.top = min(top, self.last)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(len(wrapped(line.text, self._width)) for line in self._page.lines)

    def shown(self, *, whole: bool = False) -> list[Row]:
        """Return the rows that are shown.

        Args:
            whole: Whether a page that ends above the end of the space begins at its top, anyway.
        """
        first = self.top if whole or self.top or self.last else None
        pieces = self._tail() if first is None else self._from(first)
        return [self._row(line, text, begins=begins) for line, text, begins in pieces]

    def _tail(self) -> list[tuple[Line, str, bool]]:
        pieces: list[tuple[Line, str, bool]] = []
        for line in reversed(self._page.lines):
            if len(pieces) >= self._size.height:
                break
            texts = wrapped(line.text, self._width)
            last = len(texts) - 1
            pieces += [(line, text, last == n) for n, text in enumerate(reversed(texts))]
        return list(reversed(pieces[: self._size.height]))

    def _from(self, first: int) -> list[tuple[Line, str, bool]]:
        pieces: list[tuple[Line, str, bool]] = []
        seen = 0
        for line in self._page.lines:
            texts = wrapped(line.text, self._width)
            if seen + len(texts) > first:
                skip = max(first - seen, 0)
                pieces += [(line, text, n == 0) for n, text in enumerate(texts) if n >= skip]
            seen += len(texts)
            if len(pieces) >= self._size.height:
                break
        return pieces[: self._size.height]

    def _row(self, line: Line, text: str, *, begins: bool) -> Row:
        if line.text.startswith(RULE):
            return row(self._size.width, (line.text, DIM))
        mark = MARKS[line.style]
        if not begins and line.style in ("note", "good", "bad"):
            mark = "  "
        tinted = self._tint if line.style in ("answer", "final") else LINES[line.style]
        return row(self._size.width, (mark, tinted), (text, LINES[line.style]))


def doing(agent: AgentView) -> Part:
    """Return what an agent does, in a few words."""
    word, style = WORDS[agent.doing]
    match agent.doing:
        case "tool":
            word = f"uses {agent.detail}"
        case "voted" if agent.detail:
            word = f"votes for {agent.detail}"
        case "waiting" if agent.detail:
            word = agent.detail
        case "failed" if agent.detail:
            word = f"{word}: {agent.detail}"
        case "retrying" if agent.detail:
            word = f"{word} {agent.detail}"
        case _:
            pass
    return word, style


def panel(
    agent: AgentView, number: int, size: Size, now: float, scrolled: Scrolled, *, focused: bool
) -> list[Row]:
    """Return an agent's panel.

    Args:
        agent: The agent.
        number: Its number, from 0.
        size: Of the panel.
        now: Seconds since the run began.
        scrolled: What it has written, four columns and two rows smaller.
        focused: Whether keys are for it.
    """
    tint = colour(number)
    name: list[Part] = [(f"{number + 1} ", DIM), (agent.id, tint + BOLD)]
    said, style = doing(agent)
    state = (cut(said, max(size.width - 10 - cell_len(agent.id), 0)), style)
    room = size.width - 10 - cell_len(agent.id) - cell_len(state[0])
    name += _backend(agent, room)
    return box(
        size,
        scrolled.shown(),
        head=name,
        aside=[state],
        foot=[(text, DIM if not agent.budget else BAD) for text in [_turn(agent, now)] if text],
        below=spent_of(agent),
        edge=tint if focused else FRAME,
    )


def _backend(agent: AgentView, room: int) -> list[Part]:
    """Return what an agent runs on, as much of it as there is room for."""
    whole = f"{agent.provider} {agent.model}".strip()
    fits = next((text for text in (whole, agent.model) if text and cell_len(text) <= room - 3), "")
    return [(f"  {fits}", DIM)] if fits else []


def spent_of(agent: AgentView) -> list[Part]:
    """Return what an agent has used, if anything."""
    used = agent.usage
    if not (used["input_tokens"] or used["output_tokens"] or agent.estimated):
        return []
    return [(spent(used, agent.estimated), DIM)]


def _turn(agent: AgentView, now: float) -> str:
    """Return at which turn an agent is, and for how long it does what it does."""
    parts = [f"round {agent.round}"] if agent.round else []
    parts += [f"try {agent.attempt}"] if agent.attempt > 1 else []
    parts += [f"{agent.budget} reached"] if agent.budget else []
    parts += [clock(now - agent.since)] if agent.at_work and now - agent.since >= 1 else []
    return " · ".join(parts)


def compact(agent: AgentView, number: int, width: int, *, focused: bool) -> Row:
    """Return an agent in one row."""
    tint = colour(number)
    mark: Part = (f"{'▸' if focused else ' '}{number + 1:>2} ", tint if focused else DIM)
    word, style = doing(agent)
    name = 12 if width >= 40 else 8
    said = 22 if width >= 60 else 14
    parts: list[Part] = [mark, (f"{cut(agent.id, name):<{name}} ", tint + BOLD)]
    left = width - 5 - name
    if left <= said + 12:
        return row(width, *parts, (cut(word, left), style))
    amount = spent(agent.usage, agent.estimated).partition(" ")[0]
    end = f" {amount:>7}"
    room = left - said - 1 - len(end)
    return row(
        width,
        *parts,
        *_parts(row(said, (cut(word, said), style))),
        (" ", PLAIN),
        *_parts(row(room, (_last(agent, room), DIM))),
        (end, DIM),
    )


def _parts(made: Row) -> list[Part]:
    return [(piece.text, piece.style or PLAIN) for piece in made]


def _last(agent: AgentView, room: int) -> str:
    """Return the end of what an agent writes."""
    lines = [line.text for line in agent.page.lines[-3:] if line.text.strip()]
    return from_end(lines[-1], room) if lines else ""


_GLYPHS = {"answered": "✓", "voted": "✓", "presented": "✓", "failed": "✗", "presenting": "▸"}


def word(agent: AgentView, number: int) -> list[Part]:
    """Return an agent in a word, for a strip of all."""
    glyph = _GLYPHS.get(agent.doing, "·")
    style = BAD if agent.doing == "failed" else HERE if agent.doing == "presenting" else DIM
    return [(f"{glyph} ", style), (agent.id, colour(number)), ("   ", PLAIN)]
