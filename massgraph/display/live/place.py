"""Where a person is in the view, and what each key does there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Screen = Literal["home", "agent", "votes", "graph", "help"]

DeedKind = Literal["cancel_agent", "retry_agent", "quit", "pause", "faster", "slower", "redraw"]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a key asks of the run; `agent` is whom it is for."""

    kind: DeedKind
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is.

    Args:
        screen: What is shown.
        focus: The number of the focused agent, from 0.
        top: The first row that is shown of what scrolls; None follows its end.
        asking: A deed that waits for a yes.
        chosen: Whether an agent was focused by a key.
    """

    screen: Screen = "home"
    focus: int = 0
    top: int | None = None
    asking: Deed | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a key is judged by.

    Args:
        agents: Ids of the agents.
        top: The first row shown of what scrolls.
        last: The first row that can be shown at most.
        rows: Rows of what scrolls that are shown.
    """

    agents: tuple[str, ...] = ()
    top: int = 0
    last: int = 0
    rows: int = 1


Answer = Place | Deed

HELP: tuple[tuple[str, str], ...] = (
    ("Tab, arrows, 1-9", "focus an agent"),
    ("Enter, o", "its whole output"),
    ("j k, PgUp PgDn", "scroll"),
    ("Home, End", "to the beginning; to the end, and follow it"),
    ("v", "votes, with their reasons"),
    ("g", "where the machine is"),
    ("c", "cancel the focused agent: it sits out"),
    ("r", "retry the focused agent"),
    ("Space, + -", "pause a replay; play it faster, slower"),
    ("q", "back; from the first screen: quit, as Ctrl-C"),
    ("Ctrl-L", "draw the screen anew"),
    ("?", "this help"),
)
"""Keys, and what they do."""


def press(place: Place, key: str, seen: Seen) -> Answer:
    """Return where a key leads, or what it asks of the run.

    Args:
        place: Where the person is.
        key: Its name, as prompt_toolkit has it.
        seen: What is shown there.
    """
    if place.asking is not None:
        return place.asking if key in ("y", "Y") else replace(place, asking=None)
    if key in "123456789" and key:
        return _focus(place, seen, int(key) - 1)
    act = _ON.get(place.screen, {}).get(key) or _KEYS.get(key)
    return act(place, seen) if act is not None else place


def settled(place: Place) -> Place:
    """Return the place after a deed was done."""
    return replace(place, asking=None)


Act = Callable[[Place, Seen], Answer]


def _focus(place: Place, seen: Seen, number: int) -> Place:
    """Focus an agent by its number; one that is not there changes nothing."""
    if number >= len(seen.agents):
        return place
    screen: Screen = "agent" if place.screen == "agent" else "home"
    return Place(screen, focus=number, chosen=True)


def _move(by: int) -> Act:
    def act(place: Place, seen: Seen) -> Place:
        if not place.chosen and place.screen == "home":
            return _focus(place, seen, 0 if by > 0 else len(seen.agents) - 1)
        return _focus(place, seen, (place.focus + by) % max(len(seen.agents), 1))

    return act


def _scroll(by: int, *, pages: bool = False) -> Act:
    def act(place: Place, seen: Seen) -> Place:
        top = seen.top + by * (max(seen.rows - 1, 1) if pages else 1)
        at_end = top >= seen.last and place.screen in ("home", "agent")
        return replace(place, top=None if at_end else min(max(top, 0), seen.last))

    return act


def _to(screen: Screen) -> Act:
    def act(place: Place, seen: Seen) -> Place:
        back = place.screen == screen and screen != "agent"
        return replace(place, screen="home" if back else screen, top=None)

    return act


def _ask(kind: DeedKind) -> Act:
    def act(place: Place, seen: Seen) -> Place:
        if place.focus >= len(seen.agents):
            return place
        return replace(place, asking=Deed(kind, seen.agents[place.focus]), chosen=True)

    return act


def _do(kind: DeedKind) -> Act:
    return lambda _place, _seen: Deed(kind)


def _leave(place: Place, _: Seen) -> Answer:
    return Deed("quit") if place.screen == "home" else replace(place, screen="home", top=None)


def _home(place: Place, _: Seen) -> Answer:
    return replace(place, screen="home", top=None, chosen=place.screen != "home" and place.chosen)


_KEYS: Mapping[str, Act] = {
    "c-i": _move(1),
    "s-tab": _move(-1),
    "right": _move(1),
    "left": _move(-1),
    "c-m": _to("agent"),
    "c-j": _to("agent"),
    "o": _to("agent"),
    "j": _scroll(1),
    "k": _scroll(-1),
    "down": _scroll(1),
    "up": _scroll(-1),
    "pagedown": _scroll(1, pages=True),
    "pageup": _scroll(-1, pages=True),
    "home": lambda place, _: replace(place, top=0),
    "end": lambda place, seen: replace(
        place, top=None if place.screen in ("home", "agent") else seen.last
    ),
    "v": _to("votes"),
    "g": _to("graph"),
    "?": _to("help"),
    "c": _ask("cancel_agent"),
    "r": _ask("retry_agent"),
    " ": _do("pause"),
    "+": _do("faster"),
    "-": _do("slower"),
    "c-l": _do("redraw"),
    "q": _leave,
    "escape": _home,
}

_ON: Mapping[str, Mapping[str, Act]] = {
    "home": {"down": _move(1), "up": _move(-1)},
    "agent": {"c-m": _home, "c-j": _home, "o": _home},
}
"""Keys that do something else on one screen."""
