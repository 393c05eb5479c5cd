"""Notes: what a person's own nodes tell all agents, beside the answers.

A retriever's finds, a critic's remarks: a node writes `notes`, from title to text, and prompts show
them in fences, as material. What a node writes replaces what was there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .fence import fence
from .state import TeamState
from .templates import message
from .turn import TurnInput


def shown_notes(state: TurnInput | TeamState, templates: Mapping[str, str]) -> str:
    """Return the notes as agents are shown them, with what is said of them; nothing for none.

    Args:
        state: A state with notes.
        templates: A policy's own texts.
    """
    fences = [
        fence(state["nonce"], f"note {_title(title)}", text)
        for title, text in state["notes"].items()
    ]
    return "\n\n".join([message(templates, "notes"), *fences]) if fences else ""


def _title(title: str) -> str:
    """Return a title that can't be taken for anything but one."""
    return re.sub(r"[^\w ,.-]", "", title).strip()[:80] or "of a node"
