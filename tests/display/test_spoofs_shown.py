"""Whatever a text says, a terminal shows it: no display lets it move a cursor or colour a word."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import pytest

from massgraph.cli.output import json_line
from massgraph.display.safe_text import one_line, safe
from massgraph.display.writers import Display, PlainDisplay, TerminalDisplay
from massgraph.nodes import events as ev

from ..protocol.spoofs import FAMILIES, SPOOFS
from ..protocol.stage import answer, final, play, vote

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

SEQUENCE = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[12]?[AK]|\r")
"""What our own displays say to a terminal: colours, the cursor hidden, a line up, a line gone."""
OBEYED = {"Cc", "Cs", "Zl", "Zp"}
BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
BLUNT = {0x1B: 1, **{code: 0x84 for code in range(0x80, 0xA0) if code != 0x85}}
"""Characters that begin sequences, as others that are shown as wide."""


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


class StillClock:
    """A clock that stands, so that nothing is refreshed by the time that a test takes."""

    @staticmethod
    def monotonic() -> float:
        return 0.0


def steering(text: str) -> list[str]:
    """Return the characters of a text that a terminal obeys instead of showing them."""
    found = (char for char in text if char not in "\n\t")
    return [c for c in found if unicodedata.category(c) in OBEYED or ord(c) in BIDI]


@cache
def a_run() -> tuple[ev.Event, ...]:
    """Return the events of a run of two, with a word where a text can stand."""
    turns = [answer("WORD", text="WORD", reasoning="WORD", when="no_answers")]
    turns += [vote("agent1", "WORD", when="answers"), final("WORD")]
    other = [answer("Other.", when="no_answers"), vote("agent1", "WORD", when="answers")]
    return tuple(play(alice=turns, bob=other).events)


def events_with(text: str) -> Iterator[ev.Event]:
    """Yield a run's events with a text instead of the word, cut in two where it is streamed."""
    for event in a_run():
        match event:
            case ev.AgentText() | ev.AgentReasoning() | ev.AnswerText() | ev.FinalText():
                if event.delta == "WORD":
                    for delta in (text[: len(text) // 2], text[len(text) // 2 :]):
                        yield event_of(event, delta=delta)
                else:
                    yield event
            case ev.VoteCast():
                yield event_of(event, reason=text)
            case ev.TurnEnded():
                yield event
                yield from said_by_the_way(event, text)
            case _:
                yield event


def event_of(event: ev.Event, **changes: object) -> ev.Event:
    """Return an event with other values."""
    from dataclasses import replace

    return replace(event, **changes)  # type: ignore[type-var,misc]


def said_by_the_way(event: ev.Event, text: str) -> Iterator[ev.Event]:
    """Yield what else shows a text of somebody else: tools and what is refused."""
    stamp = {name: getattr(event, name) for name in STAMP}
    yield ev.ToolStarted(**stamp, name="look", arguments={"query": text})
    yield ev.ToolFinished(**stamp, name="look", result=text, error=None, seconds=0.0)
    yield ev.ToolFinished(**stamp, name="look", result=None, error=text, seconds=0.0)
    yield ev.ActionRefused(**stamp, what="call", why=text)


STAMP = ("v", "seq", "t", "run_attempt", "thread_id", "round", "epoch", "agent", "attempt")


def shown(display: Display, text: str) -> None:
    """Show a run in which a text stands everywhere, also while it is being written."""
    for event in events_with(text):
        display.show(event)
        if isinstance(event, ev.AgentText | ev.AnswerText | ev.FinalText):
            display.refresh()
    display.close()


def of(family: str) -> Iterator[tuple[str, str]]:
    """Yield the spoofs of a family, each by its name."""
    return ((name, text) for name, text in SPOOFS.items() if name.startswith(f"{family} "))


@pytest.mark.parametrize("family", FAMILIES)
def test_plain_lines(family: str) -> None:
    """Without a terminal, nothing but text, newlines and tabs is written."""
    for name, text in of(family):
        stream = io.StringIO()
        shown(PlainDisplay(stream), text)
        assert steering(stream.getvalue()) == [], name
        assert len(stream.getvalue()) > 100


@pytest.mark.parametrize("family", FAMILIES)
def test_a_terminal_obeys_us_alone(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal every sequence is one of ours: the same text without any has just as many."""
    monkeypatch.setattr("massgraph.display.terminal.time", StillClock)
    for name, text in of(family):
        if not steering(text):
            continue
        screens = Screen(), Screen()
        shown(TerminalDisplay(screens[0], moving=True), text)
        shown(TerminalDisplay(screens[1], moving=True), text.translate(BLUNT))
        written, harmless = (screen.getvalue() for screen in screens)
        assert steering(SEQUENCE.sub("", written)) == [], name
        assert SEQUENCE.findall(written) == SEQUENCE.findall(harmless), name
        assert SEQUENCE.search(written)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_on_a_terminal(family: str) -> None:
    """What the command line prints there, and the object with `--json`, is only read."""
    for name, text in of(family):
        assert steering(safe(text)) == [], name
        assert steering(one_line(text)) == [], name
        assert safe(safe(text)) == safe(text)
        line = json_line({"answer": text}).decode()
        assert steering(line) == [], name
        assert json.loads(line)["answer"] == text
