"""A small mind for a team: it answers, it votes, and it presents.

LoopbackServer(lambda request: coordinate(asked(request)))
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .asked import LABEL, NEW_ANSWER, RANKING, VOTE, Asked
from .asked import asked as asked
from .reply import Request
from .responses_rules import DOES_NOT
from .turn import WireTurn, WireUsage

USAGE: Mapping[str, WireUsage] = {
    "chat": WireUsage(input=1200, cached=400, output=80, reasoning=30),
    "responses": WireUsage(input=1300, cached=512, output=90, reasoning=40),
    "messages": WireUsage(input=1400, cached=600, cache_write=200, output=100, reasoning=20),
    "gemini": WireUsage(input=1100, cached=300, output=70, reasoning=25),
}
PAGES = (("https://example.org/rivers", "Rivers"), ("https://example.org/rain", "Rain"))


def brain(request: Request) -> WireTurn:
    """Return what the model says to a request: a script for the server."""
    return coordinate(asked(request))


def coordinate(request: Asked) -> WireTurn:
    """Return what a member of a team says.

    It votes for the first label where `vote` is offered, else gives an answer of its own where
    `new_answer` is, else presents as plain text. It searches first where it can, once. Where the
    actions are asked for by a schema, or told in words, it answers in JSON.
    """
    said: dict[str, Any] = {}
    call, told = _action(request, request.tools), _action(request, request.told)
    if call is not None:
        said["calls"] = (call,)
    elif request.output_schema is not None:
        said["text"] = json.dumps(_filled(request.output_schema, request))
    elif told is not None:
        action = {"tool": told[0], "arguments": told[1]}
        said["text"] = f"I have decided.\n\n```json\n{json.dumps(action)}\n```"
    else:
        said["text"] = _answer(request)
    if "web_search" in request.builtin and not request.searched:
        said["searches"] = (("how rivers rise", PAGES),)
    if not DOES_NOT.fullmatch(request.model):
        said["reasoning"] = "What is asked, and which answer is best?"
    return WireTurn(usage=USAGE[request.protocol], **said)


def _answer(request: Asked) -> str:
    return f"{request.model} answers: rivers rise when it rains for long."


def _action(request: Asked, tools: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the action to take with these tools, if there is one among them."""
    if VOTE in tools and request.labels:
        reason = {"reason": "It is the most complete."}
        if RANKING in tools[VOTE].get("properties", {}):
            return VOTE, {**reason, RANKING: list(request.labels)}
        return VOTE, {LABEL: request.labels[0], **reason}
    if NEW_ANSWER in tools:
        return NEW_ANSWER, {"content": _answer(request)}
    return None


# --- actions under a schema ------------------------------------------------------------------


def _filled(schema: Any, request: Asked) -> Any:
    """Return a value that fits a schema, and that votes where the schema has labels."""
    if "$ref" in schema:
        return _filled(_referred(schema["$ref"], request.output_schema), request)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        wanted = VOTE if request.labels else NEW_ANSWER
        best = [branch for branch in branches if json.dumps(wanted) in json.dumps(branch)]
        return _filled((best or branches)[0], request)
    if "enum" in schema or "const" in schema:
        return _chosen(schema.get("enum") or [schema["const"]], request)
    kind = str(schema.get("type", "object")).lower()
    if kind == "object":
        names = schema.get("required") or list(schema.get("properties", {}))
        return {name: _named(name, schema["properties"][name], request) for name in names}
    if kind == "array":
        return [_filled(schema["items"], request)]
    least = schema.get("minimum", 1)
    values: Mapping[str, Any] = {"integer": least, "number": least, "boolean": True, "null": None}
    return values.get(kind, _answer(request))


def _referred(ref: str, root: Any) -> Any:
    for name in ref.removeprefix("#/").split("/"):
        root = root[name]
    return root


def _named(name: str, schema: Any, request: Asked) -> Any:
    if name == "reason" and str(schema.get("type")).lower() == "string":
        return "It is the most complete."
    return _filled(schema, request)


def _chosen(values: Sequence[Any], request: Asked) -> Any:
    wanted = VOTE if request.labels else NEW_ANSWER
    return wanted if wanted in values else values[0]
