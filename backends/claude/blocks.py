"""A block of content while its pieces come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .events import Delta

_PIECES: Mapping[str, str] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Which key of a delta, and of its block, holds a piece."""


class OpenBlock:
    """One block of content.

    Args:
        content: The block as it started; what comes is put into it when it ends.
        call: Which tool call of the turn it is, if it is one.
    """

    def __init__(self, content: dict[str, Any], call: int | None = None) -> None:
        self.content, self.call = content, call
        self._pieces: dict[str, list[str]] = {}
        self._citations: list[dict[str, Any]] = []

    def add(self, delta: Delta) -> None:
        """Take in the next piece; one of an unknown kind is passed over."""
        key = _PIECES.get(delta.type)
        if key is not None:
            self._pieces.setdefault(key, []).append(str(getattr(delta, key)))
        elif delta.type == "citations_delta" and delta.citation is not None:
            self._citations.append(delta.citation)

    def close(self) -> bool:
        """Put all pieces into the block, and return whether it is whole: its JSON, that is."""
        whole = True
        for key, pieces in self._pieces.items():
            if key == "partial_json":
                whole = self._close_input("".join(pieces))
            else:
                self.content[key] = "".join([str(self.content.get(key) or ""), *pieces])
        if self._citations:
            self.content["citations"] = [*(self.content.get("citations") or ()), *self._citations]
        return whole

    def _close_input(self, written: str) -> bool:
        if not written.strip():
            return True  # no arguments; `input` is {} already
        try:
            given: object = json.loads(written)
        except (ValueError, RecursionError):
            return False
        self.content["input"] = given
        return isinstance(given, dict)
