"""Scenes of runs, for tests of what the live view shows of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from rich.segment import Segment

import massgraph
from massgraph.display.live.fold import take
from massgraph.display.live.frame import Size
from massgraph.display.live.picture import picture
from massgraph.display.live.place import Place
from massgraph.display.live.view import View
from massgraph.nodes import events as ev
from massgraph.nodes.state import Usage, no_usage
from massgraph.record.event_file import read_record

NEPTUNE = Path(massgraph.__file__).parents[1] / "examples" / "neptune.jsonl"
HOME = Place()


@cache
def neptune() -> list[ev.Event]:
    """Return the events of the recorded run."""
    return list(read_record(NEPTUNE).events)


def seen(events: Iterable[ev.Event]) -> View:
    """Return what is known after these events."""
    view = View()
    for event in events:
        take(view, event)
    return view


def at(t: float) -> View:
    """Return the recorded run as it was after so many seconds."""
    return seen(event for event in neptune() if event.t <= t)


def shown(
    view: View, size: Size, place: Place = HOME, now: float | None = None, hint: str = ""
) -> list[str]:
    """Return the text of each row, checked to be exactly as wide as it must be."""
    frame = picture(view, size, place, view.t if now is None else now, hint)
    assert len(frame.rows) == size.height
    assert {Segment.get_line_length(row) for row in frame.rows} <= {size.width}
    return ["".join(piece.text for piece in row) for row in frame.rows]


def used(**more: Any) -> Usage:
    """Return a usage."""
    return {**no_usage(), "calls": 1, **more}  # type: ignore[typeddict-item]


def begun(*names: str, **policy: Any) -> ev.Event:
    """Return the beginning of a run."""
    agents = [{"id": name, "provider": "scripted", "model": "script"} for name in names]
    return ev.RunStarted(question="Why do rivers rise?", agents=agents, policy=policy, graph="team")


def many(number: int) -> list[ev.Event]:
    """Return the middle of a run of many agents, of whom each is somewhere else."""
    names = [f"agent{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:number]]
    events = [begun(*names, round_deadline_s=300.0, run_deadline_s=1800.0)]
    events.append(ev.RoundOpened(asked=names, round=1))
    events += [ev.TurnStarted(agent=name, answers=[], round=1) for name in names]
    for n, name in enumerate(names):
        text = " ".join(f"word{i}" for i in range(n * 5 + 3))
        events.append(ev.AgentReasoning(agent=name, delta=f"So {text}.", round=1))
        match n % 4:
            case 0:
                events.append(ev.AnswerText(agent=name, delta=text, round=1))
            case 1:
                events.append(ev.ToolStarted(agent=name, name="search", arguments={"n": n}))
            case 2:
                events.append(_ended(name, "failed", "It broke.", kind="timeout"))
            case _:
                events.append(_ended(name, "new_answer", ""))
    return events


def _ended(name: str, outcome: Any, why: str, kind: Any = None) -> ev.Event:
    usage = used(input_tokens=12_345, output_tokens=678, cost_usd=0.0421)
    return ev.TurnEnded(
        agent=name, outcome=outcome, why=why, kind=kind, seconds=3.0, usage=usage, round=1
    )


WIDE = "火星有两个卫星，名字是火卫一和火卫二。"  # noqa: RUF001 - as it is written
COMBINED = "e\u0301a\u0308o\u0302 n\u0303" * 12
EMOJI = "👨\u200d👩\u200d👧 family 🇫🇷 flag ❤\ufe0f heart 👍🏽 thumb"
HEBREW = "לאדים שני ירחים: פובוס ודיימוס."
ARABIC = "للمريخ قمران هما فوبوس وديموس، وعددهما 2."


def tongues() -> list[ev.Event]:
    """Return a run in which each agent writes in its own way."""
    texts = {"han": WIDE * 3, "marks": COMBINED, "emoji": EMOJI, "hebrew": HEBREW, "arabic": ARABIC}
    events = [begun(*texts), ev.RoundOpened(asked=[*texts], round=1)]
    events += [ev.TurnStarted(agent=name, answers=[], round=1) for name in texts]
    return events + [ev.AnswerText(agent=a, delta=text, round=1) for a, text in texts.items()]
