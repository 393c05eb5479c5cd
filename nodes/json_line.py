"""JSON in lines that survive every program on their way: editors, terminals, line readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that change the direction in which text is shown."""

_ESCAPED = str.maketrans(
    {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *BIDI, 0x2028, 0x2029)}
)


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return an object as one line of JSON, in UTF-8.

    Halves of a character are written as JSON's escapes, and so are characters that some programs
    break lines at and those that a terminal obeys.
    """
    return escaped(f"{json.dumps(value, ensure_ascii=False)}\n")


def escaped(text: str) -> bytes:
    """Return JSON in UTF-8, with the escapes of `json_line`; its own newlines stay."""
    return text.translate(_ESCAPED).encode("utf-8", "backslashreplace")
