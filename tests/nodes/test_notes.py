"""Notes: what a person's own nodes tell the agents."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from massgraph.backends.errors import RunError
from massgraph.nodes.notes import shown_notes


def shown(notes: Any) -> str:
    """Return notes as agents are shown them."""
    state: Any = {"nonce": "n0", "notes": notes}
    return shown_notes(state, {"notes": "Look:"})


def test_each_note_stands_in_a_fence_under_its_title() -> None:
    """Behind one line that says what they are; no notes are no text."""
    assert shown({}) == ""
    assert shown({"a": "One.", "b": "Two."}) == (
        "Look:\n\n<note a n0>\nOne.\n</note a n0>\n\n<note b n0>\nTwo.\n</note b n0>"
    )


def test_half_a_character_is_no_text() -> None:
    """No provider could be sent it."""
    assert "\ncaf\ufffd\n" in shown({"a": "caf\udce9"})


@pytest.mark.parametrize("title", ["<b>", "", " ", "\n>", "</note a n0>", "x" * 500])
def test_a_title_is_one_short_line_of_words(title: str) -> None:
    """Whatever it holds, the marks stay marks."""
    first, _, last = shown({title: "text"}).splitlines()[2:]
    assert first == f"<{last.removeprefix('</')}"
    assert first.count("<") == first.count(">") == 1
    assert len(first) < 100


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (None, "A node wrote notes of type NoneType; notes are a dict, title -> text."),
        (["One."], "A node wrote notes of type list; notes are a dict, title -> text."),
        ("One.", "notes of type str"),
        ({"critic": AIMessage("No.")}, "a note str -> AIMessage; both its title and its text"),
        ({"critic": None}, "a note str -> NoneType"),
        ({1: "One."}, "a note int -> str"),
    ],
)
def test_what_is_no_note_is_told_as_such(notes: Any, said: str) -> None:
    """By its type, and not by what comes of it in a prompt."""
    with pytest.raises(RunError, match="A node wrote") as caught:
        shown(notes)
    assert said in str(caught.value)
