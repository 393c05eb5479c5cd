"""Content: what is asked, written and given to tools; sent only where it is wanted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ..nodes import events as ev
from .attributes import Attributes, plain

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The environment variable that has content sent."""

WANTED = ("true", "1", "span_only", "span_and_event")
"""Its values that do; others than `true` are those of other instrumentations."""


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment wants content."""
    return environ.get(VARIABLE, "").strip().lower() in WANTED


class Content:
    """The texts of a run, as attributes; nothing, where they are not wanted.

    Args:
        wanted: Whether they are.
    """

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self._written: dict[str, list[str]] = {}

    def write(self, event: ev.Delta) -> None:
        """Take in a piece of text."""
        if self.wanted and not isinstance(event, ev.AgentReasoning):
            self._written.setdefault(event.agent, []).append(event.delta)

    def asked(self, event: ev.RunStarted | ev.RunResumed) -> Attributes:
        """Return the question of a run."""
        return self._messages("gen_ai.input.messages", "user", event.question)

    def answered(self, result: Mapping[str, Any]) -> Attributes:
        """Return the answer of a run."""
        text = result["answer"]
        if text is None:
            return {}
        return self._messages("gen_ai.output.messages", "assistant", text, finish_reason="stop")

    def written(self, event: ev.CallEnded) -> Attributes:
        """Return what an agent has written in the call that ended."""
        text = "".join(self._written.pop(event.agent, []))
        if not text:
            return {}
        reason = event.finish_reason or "error"
        return self._messages("gen_ai.output.messages", "assistant", text, finish_reason=reason)

    def given(self, event: ev.ToolStarted) -> Attributes:
        """Return what a tool was given."""
        return self._json("gen_ai.tool.call.arguments", event.arguments)

    def got(self, event: ev.ToolFinished) -> Attributes:
        """Return what came of a tool."""
        result = event.error if event.result is None else event.result
        return self._json("gen_ai.tool.call.result", result)

    def reason(self, event: ev.VoteCast) -> Attributes:
        """Return why somebody votes."""
        return {"massgraph.reason": plain(event.reason)} if self.wanted else {}

    def _messages(self, key: str, role: str, text: str, **more: str) -> Attributes:
        parts = [{"type": "text", "content": text}]
        return self._json(key, [{"role": role, "parts": parts, **more}])

    def _json(self, key: str, value: Any) -> Attributes:
        if not self.wanted:
            return {}
        return {key: plain(json.dumps(value, ensure_ascii=False, default=str))}
