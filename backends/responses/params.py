"""The parameters of a Responses request: from the names that all adapters share to the wire's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_WORDS = "the Responses API has no such parameter"
NO_SUCH: Mapping[str, str] = dict.fromkeys(
    ("frequency_penalty", "logit_bias", "n", "presence_penalty", "seed", "stop"), _WORDS
)
"""Parameters of chat completions that Responses refuse, with the reason."""

_RENAMED: Mapping[str, str] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
}
_NESTED: Mapping[str, tuple[str, str]] = {
    "reasoning_effort": ("reasoning", "effort"),
    "reasoning_summary": ("reasoning", "summary"),
    "response_format": ("text", "format"),
    "verbosity": ("text", "verbosity"),
}
"""Parameter -> the key of the body, and the key in there."""


def wire_params(
    params: Mapping[str, Any], *, over: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return parameters as keys of a body.

    Args:
        params: Parameters, in our own names or in the wire's.
        over: The keys of the body that they come on top of: what is nested there stays.
    """
    keys: dict[str, Any] = {}
    for name, value in params.items():
        if name in _NESTED:
            outer, inner = _NESTED[name]
            nested = keys.get(outer, (over or {}).get(outer)) or {}
            keys[outer] = {**nested, inner: _format(value) if inner == "format" else value}
        else:
            keys[_RENAMED.get(name, name)] = _flat(value) if name == "tool_choice" else value
    return keys


def _flat(choice: Any) -> Any:
    """Return a choice of a tool as Responses name it, also if it came as chat completions do."""
    if not isinstance(choice, Mapping) or "function" not in choice:
        return choice
    function = cast("Mapping[str, Any]", choice["function"])
    return {"type": "function", "name": function.get("name")}


def _format(wanted: Any) -> Any:
    """Return a format of the answer as Responses name it."""
    if not isinstance(wanted, Mapping) or "json_schema" not in wanted:
        return wanted
    return {"type": "json_schema", **cast("Mapping[str, Any]", wanted["json_schema"])}
