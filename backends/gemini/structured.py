"""Tool calls as JSON in the text, for models that take no functions, or none beside builtin tools.

The model is told the tools in words, and calls one by a JSON object with the keys `tool` and
`arguments`: as its whole answer under a response schema, or at the very end of its text. Only what
stands at the very end is a call; the same object anywhere else is text like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ..errors import MalformedResponseError

if TYPE_CHECKING:
    from langchain_core.messages import ToolMessage

    from ..base import ToolSchema
    from .models import Profile

Route = Literal["native", "schema", "text"]
"""How tools are offered: as functions, under a response schema, or at the end of the text."""

_INTRODUCTION = {
    "schema": "You can use the tools below. Answer with one JSON object that uses one of them:",
    "text": (
        "You can use the tools below, one at a time. To use one, write what you have to say, if "
        "anything, and end your answer with one JSON object in a code block, with nothing behind "
        "it:"
    ),
}
_FORM = '```json\n{"tool": "<name of the tool>", "arguments": {<arguments by their schema>}}\n```'

_GAP = r"\s{0,40}"
_BEGINNING = re.compile(rf'(?:`{{3}}\w{{0,16}}{_GAP})?\{{{_GAP}"(?:tool|arguments)"{_GAP}:')
"""How a call begins, code block or not."""
_PERHAPS = re.compile(rf'(?:`{{1,3}}\w{{0,16}}{_GAP})?(?:\{{{_GAP}(?:"\w{{0,9}}(?:"{_GAP})?)?)?\Z')
"""What may become such a beginning, at the end of what has come so far."""
_LONGEST_BEGINNING = 192
"""More characters than a beginning can have."""
_REST = re.compile(r"\s*(?:`{3}\s*)?")
"""What may stand behind a call: the end of its code block."""


class Said(NamedTuple):
    """What the end of an answer turned out to be.

    Args:
        text: The text that was held back, and is text.
        calls: The tools that are called, each with its arguments.
    """

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()


def route_of(profile: Profile, *, builtin: bool) -> Route:
    """Return how a model is offered tools, with builtin tools switched on or not."""
    if profile.functions and (profile.combines or not builtin):
        return "native"
    return "schema" if profile.schema else "text"


def instruction(tools: Sequence[ToolSchema], route: Route) -> str:
    """Return the tools in words, and how to call one."""
    told = [
        f"- {tool.name}: {tool.description}\n  {_json(dict(tool.parameters))}" for tool in tools
    ]
    heading = "The tools, each with the JSON schema of its arguments:"
    return "\n".join([_INTRODUCTION[route], _FORM, heading, *told])


def union_schema(tools: Sequence[ToolSchema]) -> dict[str, Any]:
    """Return the JSON schema of a call to any of the tools."""
    calls = [_call_schema(tool) for tool in tools]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def _call_schema(tool: ToolSchema) -> dict[str, Any]:
    name = {"type": "string", "enum": [tool.name]}
    return {
        "type": "object",
        "properties": {"tool": name, "arguments": dict(tool.parameters)},
        "required": ["tool", "arguments"],
    }


def told_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as a model writes it."""
    return f"```json\n{_json({'tool': name, 'arguments': dict(arguments)})}\n```"


def told_result(name: str, message: ToolMessage) -> str:
    """Return a tool's result in words; JSON, so that it cannot pretend to be anything else."""
    key = "error" if message.status == "error" else "output"
    return f"The tool has answered:\n{_json({'tool': name, key: message.text})}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class TailReader:
    """Reads an answer in pieces, and holds back what may be a call at its end."""

    def __init__(self) -> None:
        self._held = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """Take in a piece of the answer, and return what is certain to be text."""
        self._held += piece
        if self._begun:
            return ""
        found = _BEGINNING.search(self._held)
        self._begun = found is not None
        return self._release(found.start() if found else self._perhaps())

    def _perhaps(self) -> int:
        start = max(0, len(self._held) - _LONGEST_BEGINNING)
        found = _PERHAPS.search(self._held, start)
        return found.start() if found else len(self._held)

    def _release(self, end: int) -> str:
        text, self._held = self._held[:end], self._held[end:]
        return text

    def give_up(self) -> str:
        """Return what was held back and is text, where the answer was broken off."""
        return "" if self._begun else self._held

    def finish(self) -> Said:
        """Return what the end of the answer is, once it has ended.

        Raises:
            MalformedResponseError: When it is a call that has gone wrong.
        """
        calls: list[dict[str, Any]] = []
        first = start = 0
        while found := _BEGINNING.search(self._held, start):
            if not (calls and _REST.fullmatch(self._held, start, found.start())):
                calls, first = [], found.start()  # what came before was an example, and is text
            value, start = _object_at(self._held, self._held.index("{", found.start()))
            calls.append(value)
        if calls and _REST.fullmatch(self._held, start):
            return Said(self._held[:first], tuple(map(_call, calls)))
        return Said(self._held)


def _object_at(text: str, start: int) -> tuple[dict[str, Any], int]:
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    try:
        value, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as exc:
        raise MalformedResponseError(f"The call at the end is not valid JSON: {exc}") from exc
    return value, end


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _call(value: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    name, arguments = value.get("tool"), value.get("arguments", {})
    if not isinstance(name, str) or not name:
        raise MalformedResponseError("The call at the end names no tool.")
    if not isinstance(arguments, dict):
        raise MalformedResponseError(f"The arguments of {name!r} are not a JSON object.")
    return name, cast("dict[str, Any]", arguments)
