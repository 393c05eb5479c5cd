"""Which conversations Gemini's generate content refuses."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from . import rules
from .gemini_json import as_key, camel, is_three, signature
from .reply import Request

DATA = rules.words(
    "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult "
    "toolCall toolResponse"
)
"""What a part holds: exactly one of these."""
BYPASS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""Signatures that Google takes for calls that no model of its own has made."""

Part = Mapping[str, Any]


def contents(request: Request) -> Iterator[str]:
    """Refuse contents of the wrong roles, or with broken parts."""
    given = as_key(request.body, "contents")
    if not given:
        yield "GenerateContentRequest.contents: contents is not specified"
        return
    roles = [content.get("role", "user") for content in given]
    if roles[0] != "user" or roles[-1] != "user":
        yield "Please ensure that the conversation starts and ends with a user turn."
    for before, after in pairwise(roles):
        if before == after:
            yield "Please ensure that multiturn requests alternate between user and model."
    for index, content in enumerate(given):
        where = f"GenerateContentRequest.contents[{index}]"
        if content.get("role", "user") not in ("user", "model"):
            yield f"{where}.role: Please use a valid role: user, model."
        if not content.get("parts"):
            yield f"{where}.parts: contents.parts must not be empty."
        for part in content["parts"]:
            yield from _part(part, where)
    system = as_key(request.body, "systemInstruction")
    if system is not None:
        for part in system["parts"]:
            yield from _part(part, "system_instruction")


def _part(part: Part, where: str) -> Iterator[str]:
    data = [camel(key) for key in part if camel(key) in DATA]
    if len(data) != 1:
        yield f"{where}: required oneof field 'data' must have one initialized field"
    if part.get("text") == "" and not as_key(part, "thoughtSignature"):
        yield f"{where}: text must not be empty"
    call = as_key(part, "functionCall")
    if call is not None and not isinstance(call.get("args", {}), dict):
        yield f"{where}.function_call.args: must be an object"
    result = as_key(part, "functionResponse")
    if result is not None and not (result.get("name") and isinstance(result.get("response"), dict)):
        yield f"{where}.function_response: needs a name, and a response that is an object"


def calls(request: Request) -> Iterator[str]:
    """Demand that the next content answers every call, and nothing else."""
    asked: list[Part] = []
    for content in [*as_key(request.body, "contents"), {"parts": []}]:
        answers = _held(content, "functionResponse")
        if len(answers) != len(asked) and answers and asked:
            yield (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
        elif asked and not answers:
            names = [call["name"] for call in asked]
            yield f"Please ensure that function call turn is followed by its responses: {names}."
        elif answers and not asked:
            yield (
                "Please ensure that function response turn comes immediately after a function "
                "call turn."
            )
        yield from _matched(asked, answers)
        asked = _held(content, "functionCall")


def _held(content: Mapping[str, Any], key: str) -> list[Part]:
    return [value for part in content["parts"] if (value := as_key(part, key)) is not None]


def _matched(asked: Sequence[Part], answers: Sequence[Part]) -> Iterator[str]:
    left = list(asked)
    for answer in answers:
        by_id = [call for call in left if call.get("id") and call["id"] == answer.get("id")]
        by_name = [call for call in left if not call.get("id") and call["name"] == answer["name"]]
        found = by_id or by_name
        if not found:
            yield f"Function response {answer['name']!r} (id {answer.get('id')!r}) has no call."
        elif found[0]["name"] != answer["name"]:
            yield f"Function response {answer['name']!r} has another name than its call."
        else:
            left.remove(found[0])


def invocations(request: Request) -> Iterator[str]:
    """Demand the response of each builtin tool call beside it, both with id and signature."""
    for content in as_key(request.body, "contents"):
        called: list[Any] = []
        for part in content["parts"]:
            call, answer = as_key(part, "toolCall"), as_key(part, "toolResponse")
            held = call or answer
            if held is None:
                continue
            if not held.get("id"):
                yield "A tool_call or tool_response part needs its id."
            if not _is_signed(part, "tool", str(held.get("id"))):
                yield "A tool_call or tool_response part needs its thought_signature, unchanged."
            if call is not None:
                called.append(call["id"])
            elif held["id"] not in called:
                yield f"tool_response {held['id']!r} has no tool_call."
            else:
                called.remove(held["id"])
        if called:
            yield f"tool_call without tool_response: {called}."


def signatures(request: Request) -> Iterator[str]:
    """Demand a signature on the first call of each step since the user's last words."""
    given = as_key(request.body, "contents")
    if not is_three(request.model):
        return
    words = [
        index
        for index, content in enumerate(given)
        if content.get("role", "user") == "user" and not _held(content, "functionResponse")
    ]
    for content in given[words[-1] if words else 0 :]:
        held = [part for part in content["parts"] if as_key(part, "functionCall") is not None]
        for number, part in enumerate(held):
            call = as_key(part, "functionCall")
            given = as_key(part, "thoughtSignature")
            if given is None and number == 0:
                yield (
                    f"Function call {call['name']!r} is missing a thought_signature in "
                    "functionCall parts. This is required for tools to work correctly."
                )
            if given and not _is_signed(part, "call", call["name"], call.get("id", "")):
                yield "Thought signature is not valid."


def _is_signed(part: Part, *signed: str) -> bool:
    given = str(as_key(part, "thoughtSignature", ""))
    decoded = _decoded(given)
    taken = {_decoded(signature(*signed)), *(word.encode() for word in BYPASS)}
    return decoded in taken or given in BYPASS


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        return b""
