"""A mind for a server on this machine: it calls the tools it is offered, with fitting arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.wire.reply import Request
from tests.wire.turn import WireTurn

_WORDS_THAT_ASK = ("tool", "weather", "customer", "joke", "magic")
_BY_TYPE: Mapping[str, Any] = {"integer": 3, "number": 3.0, "boolean": True, "array": []}


def answer(request: Request) -> WireTurn:
    """Return what a model that reads its tools would say to a chat completion."""
    body = request.body
    tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools", ())}
    asked = _text(body["messages"][-1])
    name = _called(body, list(tools), asked)
    if name is None:
        return WireTurn(text=f"You said: {asked[:40]}. And how are you?")
    return WireTurn(calls=[(name, arguments(tools[name]["parameters"], asked))])


def arguments(schema: Mapping[str, Any], asked: str) -> dict[str, Any]:
    """Return arguments that fit a schema; a text is what the question has in quotes."""
    return {
        name: _value(part, asked, schema.get("$defs", {}))
        for name, part in schema.get("properties", {}).items()
    }


def _called(body: Mapping[str, Any], names: list[str], asked: str) -> str | None:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, Mapping):
        return str(choice["function"]["name"])
    if not names or choice == "none":
        return None
    if "vote" in names:
        return "vote"
    wanted = any(word in asked.lower() for word in _WORDS_THAT_ASK)
    auto = wanted and body["messages"][-1]["role"] == "user"
    return names[0] if choice == "required" or "new_answer" in names or auto else None


def _value(schema: Mapping[str, Any], asked: str, defs: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], asked, defs)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return arguments(schema, asked)
    quoted = re.search(r"'([^']+)'", asked)
    return _BY_TYPE.get(schema.get("type", ""), quoted[1] if quoted else "Some text.")


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"] or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)
