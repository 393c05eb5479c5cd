"""Notes: what a person's own nodes tell all agents, beside the answers.

A retriever's finds, a critic's remarks: a node writes `notes`, from title to text, and prompts show
them in fences, as material. What a node writes replaces what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from ..backends.errors import RunError
from .cut import sendable
from .fence import fence
from .state import TeamState
from .templates import message
from .turn import TurnInput


def shown_notes(state: TurnInput | TeamState, templates: Mapping[str, str]) -> str:
    """Return the notes as agents are shown them, with what is said of them; nothing for none.

    Args:
        state: A state with notes.
        templates: A policy's own texts.

    Raises:
        RunError: When a node has written something else than texts by their titles.
    """
    fences = [
        fence(state["nonce"], f"note {_title(title)}", text)
        for title, text in _texts(state["notes"])
    ]
    return "\n\n".join([message(templates, "notes"), *fences]) if fences else ""


def _texts(notes: object) -> Iterator[tuple[str, str]]:
    if not isinstance(notes, Mapping):
        kind = type(notes).__name__
        raise RunError(f"A node wrote notes of type {kind}; notes are a dict, title -> text.")
    for title, text in cast("Mapping[object, object]", notes).items():
        if not isinstance(title, str) or not isinstance(text, str):
            kinds = f"{type(title).__name__} -> {type(text).__name__}"
            raise RunError(f"A node wrote a note {kinds}; both its title and its text are str.")
        yield title, sendable(text)


def _title(title: str) -> str:
    """Return a title that can't be taken for anything but one."""
    return re.sub(r"[^\w ,.-]", "", title).strip()[:80] or "of a node"
