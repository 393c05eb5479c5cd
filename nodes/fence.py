"""Fences: what somebody wrote, set apart from what the machine says.

A fence carries a nonce of the run. The text inside is changed only where it could pass for
something else: the nonce itself, the control tokens of chat templates, and lines that pose as
another speaker.
"""

from __future__ import annotations

import re

_CONTROL_TOKENS = re.compile(r"<(?=\|)|(?<=\|)>|\[(?=/?INST\])|<(?=</?SYS>>)", re.IGNORECASE)
_SPEAKER = re.compile(
    r"^(?=[ \t]*(?:#+[ \t]*)?(?:system|developer|assistant|user|human)[ \t]*[:\]])",
    re.IGNORECASE | re.MULTILINE,
)
_LOOKALIKES = {"<": "‹", ">": "›", "[": "("}


def fence(nonce: str, label: str, text: str) -> str:
    """Return `text` between two marks that it cannot close, and that name whose it is."""
    return f"<{label} {nonce}>\n{escape(nonce, text)}\n</{label} {nonce}>"


def escape(nonce: str, text: str) -> str:
    """Return `text` with everything defused that could pass for the machine's own words."""
    text = re.sub(re.escape(nonce), "-" * len(nonce), text, flags=re.IGNORECASE)
    text = _CONTROL_TOKENS.sub(lambda found: _LOOKALIKES[found[0]], text)
    return _SPEAKER.sub("> ", text)
