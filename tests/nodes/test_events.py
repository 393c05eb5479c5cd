"""Events as JSON values, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massgraph.backends.errors import MassgraphError
from massgraph.nodes import events as ev
from massgraph.nodes.events import (
    BadEventError,
    NewerEventError,
    event_from_dict,
    event_to_dict,
    event_to_json,
)

from .given_events import CLASSES, JSON, events

VOTE = event_to_dict(ev.VoteCast(voter="alice", candidate="bob", reason="Better."))
USAGE = dict.fromkeys(
    (
        "calls",
        "retries",
        "stopped",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "wasted_tokens",
        "cost_usd",
    ),
    0,
)
ENDED = event_to_dict(
    ev.TurnEnded(agent="alice", outcome="vote", why="", kind=None, seconds=1.0, usage=USAGE)
)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=5)
@given(data=st.data())
def test_an_event_comes_back_as_it_was(cls: type[Any], data: st.DataObject) -> None:
    """Its values as JSON, and as plain values, give the very same event."""
    event = data.draw(events(cls))
    assert event_from_dict(event_to_dict(event)) == event
    again = event_from_dict(json.loads(event_to_json(event)))
    assert (again, type(again)) == (event, cls)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "no version None"),
        (VOTE | {"v": "1"}, "no version '1'"),
        (VOTE | {"v": True}, "no version True"),
        (VOTE | {"v": 0}, "no version 0"),
        (VOTE | {"type": "vote_bought"}, "no event of the type 'vote_bought'"),
        (VOTE | {"type": ["vote_cast"]}, "no event of the type"),
        ({key: VOTE[key] for key in VOTE if key != "type"}, "no event of the type None"),
        ({key: VOTE[key] for key in VOTE if key != "voter"}, "'voter' of a vote_cast event"),
        (VOTE | {"price": 3}, "'price' of a vote_cast event: Extra"),
        (VOTE | {"\ud800": 3}, "of a vote_cast event"),
        (VOTE | {"seq": "1"}, "'seq' of a vote_cast event"),
        (VOTE | {"seq": True}, "'seq' of a vote_cast event"),
        (VOTE | {"t": float("nan")}, "'t' of a vote_cast event"),
        (VOTE | {"t": float("inf")}, "'t' of a vote_cast event"),
        (VOTE | {"ranking": "bob"}, "'ranking' of a vote_cast event"),
        (ENDED | {"outcome": "won"}, "'outcome' of a turn_ended event"),
        (ENDED | {"usage": USAGE | {"beer": 1}}, "'usage.beer' of a turn_ended event"),
    ],
)
def test_what_is_no_event_is_refused(values: dict[str, Any], said: str) -> None:
    """One line says what is wrong; it is a ValueError, too."""
    with pytest.raises(BadEventError, match=said) as caught:
        event_from_dict(values)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, MassgraphError)
    assert "\n" not in str(caught.value)


@settings(max_examples=25)
@given(values=st.dictionaries(st.sampled_from([*VOTE, "x"]), JSON))
def test_whatever_comes_is_an_event_or_refused(values: dict[str, Any]) -> None:
    """Values that are no event raise nothing else."""
    try:
        event_from_dict(VOTE | values)
    except BadEventError:
        return


def test_a_value_with_a_default_may_be_missing() -> None:
    """What a later release adds to an event does not make older records unreadable."""
    older = {key: VOTE[key] for key in VOTE if key != "ranking"}
    assert event_from_dict(older) == event_from_dict(VOTE)


def test_a_newer_version_is_refused() -> None:
    """Whoever reads it is told to get a newer massgraph."""
    with pytest.raises(NewerEventError, match="made by a newer massgraph"):
        event_from_dict(VOTE | {"v": ev.VERSION + 1})


def test_an_older_version_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version has a function to the next one, and they are gone through in order."""

    def renamed(values: dict[str, Any]) -> dict[str, Any]:
        return {"voter" if key == "who" else key: value for key, value in values.items()}

    def shouted(values: dict[str, Any]) -> dict[str, Any]:
        return values | {"voter": values["voter"].upper()}

    monkeypatch.setattr(ev, "UPGRADES", {1: renamed, 2: shouted})
    monkeypatch.setattr(ev, "VERSION", 3)
    oldest = {"who" if key == "voter" else key: value for key, value in VOTE.items()}
    event = event_from_dict(oldest)
    assert isinstance(event, ev.VoteCast)
    assert (event.v, event.voter) == (3, "ALICE")
