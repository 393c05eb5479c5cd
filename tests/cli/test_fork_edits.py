"""`threads fork --set`: what an option changes in the state of a step."""

from __future__ import annotations

from typing import Any

import click
import pytest

from massgraph.cli.fork_edits import edits_of, overrides_of

ALICE = {"agent": "alice", "text": "9.11", "epoch": 2}
BOB = {"agent": "bob", "text": "9.9", "epoch": 2}
STATE = {"answers": {"alice": ALICE, "bob": BOB}, "winner": "bob", "dissent": [{"voter": "alice"}]}


@pytest.mark.parametrize(
    ("sets", "edits"),
    [
        ([], {}),
        (["question=Why?"], {"question": "Why?"}),
        (["question=42"], {"question": "42"}),
        (["answers.alice=9.90"], {"answers": {"alice": "9.90", "bob": BOB}}),
        (["answers.alice=yes", "answers.bob=no"], {"answers": {"alice": "yes", "bob": "no"}}),
        (["answers.alice=null"], {"answers": {"bob": BOB}}),
        (
            ["answers.alice.text=Less"],
            {"answers": {"alice": {**ALICE, "text": "Less"}, "bob": BOB}},
        ),
        (["answers={alice: Less}"], {"answers": {"alice": "Less"}}),
        (["votes={}"], {"votes": {}}),
        (["dissent.0=null"], {"dissent": [None]}),
    ],
)
def test_what_is_changed(sets: list[str], edits: dict[str, Any]) -> None:
    """One entry, and the others stay; a number is the text that it is where a text belongs."""
    assert edits_of(overrides_of(sets), STATE) == edits
    assert STATE["answers"] == {"alice": ALICE, "bob": BOB}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("answers.alice=", "no text behind"),
        ("question=", "no text behind"),
        ("answers=[", "not YAML"),
        ("winner.alice=x", "winner is no mapping"),
        ("nothing", "write it as key.path=value"),
    ],
)
def test_what_cannot_be(option: str, said: str) -> None:
    """It says what is wrong."""
    with pytest.raises(click.UsageError, match=said):
        edits_of(overrides_of([option]), STATE)
