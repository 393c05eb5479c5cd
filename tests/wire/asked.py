"""What a request asks for, told without a provider's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .gemini_json import as_key, camel
from .reply import Request

VOTE = "vote"
NEW_ANSWER = "new_answer"
LABEL = "agent_id"
RANKING = "ranking"

BUILTIN: Mapping[str, str] = {
    "web_search": "web_search",
    "x_search": "web_search",
    "googleSearch": "web_search",
    "code_interpreter": "code_execution",
    "code_execution": "code_execution",
    "codeExecution": "code_execution",
    "web_fetch": "url_context",
    "urlContext": "url_context",
}
"""What the builtin tools of the providers are; versions of theirs are cut off."""
_TOLD = re.compile(r"^- (\w+): (?:.|\n)*?\n  (\{.*\})$", re.MULTILINE)
"""A tool in words: its name and what it is for, and its schema on a line of its own."""
SEARCHED = frozenset({"web_search_call", "web_search_tool_result"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was found right.

    Args:
        protocol: `chat`, `responses`, `messages` or `gemini`.
        model: The model.
        system: The system's text.
        tools: The schemas of the functions offered, by name.
        builtin: Which of `web_search`, `code_execution` and `url_context` are switched on.
        messages: (role, text) of each message that has text, in order; `user` or `assistant`.
        results: How many tool results there are.
        searched: Whether the results of a web search are among the messages.
        output_schema: The schema that the text must fit.
    """

    protocol: str
    model: str
    system: str = ""
    tools: Mapping[str, Any] = field(default_factory=dict[str, Any])
    builtin: frozenset[str] = frozenset()
    messages: Sequence[tuple[str, str]] = ()
    results: int = 0
    searched: bool = False
    output_schema: Any = None

    @property
    def told(self) -> dict[str, Any]:
        """The schemas of the tools that the prompt tells of in words, by name."""
        found = _TOLD.findall(f"{self.system}\n{self.last}")
        return {name: json.loads(schema) for name, schema in found}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that may be voted for, wherever they are told."""
        schemas = (self.tools.get(VOTE), self.told.get(VOTE), self.output_schema)
        return next((tuple(found) for x in schemas if (found := [*_labels(x)])), ())

    @property
    def last(self) -> str:
        """The last words of the user."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")


def asked(request: Request) -> Asked:
    """Return what a request asks for."""
    return _VIEWS[request.protocol](request)


def _labels(schema: Any) -> Iterator[str]:
    """Yield the values that the schema allows for a label, wherever it stands."""
    if isinstance(schema, Mapping):
        for name, inner in schema.items():
            if name == LABEL and isinstance(inner, Mapping):
                yield from inner.get("enum", ())
            elif name == RANKING and isinstance(inner, Mapping):
                yield from inner.get("items", {}).get("enum", ())
            else:
                yield from _labels(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _labels(inner)


def _builtin(kinds: Sequence[str]) -> frozenset[str]:
    found = {
        meaning for kind in kinds for name, meaning in BUILTIN.items() if kind.startswith(name)
    }
    return frozenset(found)


def _text(content: Any) -> str:
    """Return the text of a content: text, or parts of which some hold text."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if isinstance(part.get("text"), str))


def _pairs(messages: Sequence[Mapping[str, Any]], *roles: str) -> list[tuple[str, str]]:
    pairs = [(x["role"], _text(x.get("content"))) for x in messages if x.get("role") in roles]
    return [pair for pair in pairs if pair[1]]


def _joined(texts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(text for _, text in texts)


def _chat(request: Request) -> Asked:
    body = request.body
    functions = [tool["function"] for tool in body.get("tools") or ()]
    messages = body["messages"]
    return Asked(
        protocol="chat",
        model=request.model,
        system=_joined(_pairs(messages, "system", "developer")),
        tools={one["name"]: one.get("parameters") or {} for one in functions},
        builtin=frozenset({"web_search"} if body.get("search_parameters") else ()),
        messages=_pairs(messages, "user", "assistant"),
        results=sum(message["role"] == "tool" for message in messages),
        output_schema=((body.get("response_format") or {}).get("json_schema") or {}).get("schema"),
    )


def _responses(request: Request) -> Asked:
    body = request.body
    tools = body.get("tools") or ()
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    kinds = [item.get("type") for item in items]
    system = [body["instructions"]] if body.get("instructions") else []
    return Asked(
        protocol="responses",
        model=request.model,
        system="\n".join([*system, _joined(_pairs(items, "system", "developer"))]).strip(),
        tools={x["name"]: x.get("parameters") or {} for x in tools if x["type"] == "function"},
        builtin=_builtin([tool["type"] for tool in tools]),
        messages=_pairs(items, "user", "assistant"),
        results=kinds.count("function_call_output"),
        searched=not SEARCHED.isdisjoint(kinds),
        output_schema=((body.get("text") or {}).get("format") or {}).get("schema"),
    )


def _messages(request: Request) -> Asked:
    body = request.body
    tools = body.get("tools") or ()
    blocks = [x for m in body["messages"] if isinstance(m["content"], list) for x in m["content"]]
    kinds = [block["type"] for block in blocks]
    form = (body.get("output_config") or {}).get("format") or {}
    return Asked(
        protocol="messages",
        model=request.model,
        system=_text(body.get("system")),
        tools={x["name"]: x["input_schema"] for x in tools if "input_schema" in x},
        builtin=_builtin([tool.get("type") or "" for tool in tools]),
        messages=_pairs(body["messages"], "user", "assistant"),
        results=kinds.count("tool_result"),
        searched=not SEARCHED.isdisjoint(kinds),
        output_schema=form.get("schema"),
    )


def _gemini(request: Request) -> Asked:
    body = request.body
    tools = as_key(body, "tools", [])
    functions = [one for tool in tools for one in as_key(tool, "functionDeclarations", [])]
    contents = as_key(body, "contents")
    roles = {"model": "assistant"}
    spoken = [
        (roles.get(content.get("role", "user"), "user"), _text(content["parts"]))
        for content in contents
    ]
    parts = [{camel(key) for key in part} for content in contents for part in content["parts"]]
    config = as_key(body, "generationConfig", {})
    schema = as_key(config, "responseJsonSchema") or as_key(config, "responseSchema")
    return Asked(
        protocol="gemini",
        model=request.model,
        system=_text(as_key(body, "systemInstruction", {}).get("parts")),
        tools={
            one["name"]: as_key(one, "parametersJsonSchema") or as_key(one, "parameters", {})
            for one in functions
        },
        builtin=_builtin([camel(key) for tool in tools for key in tool]),
        messages=[pair for pair in spoken if pair[1]],
        results=sum("functionResponse" in keys for keys in parts),
        searched=any("toolResponse" in keys for keys in parts),
        output_schema=schema,
    )


_VIEWS: Mapping[str, Callable[[Request], Asked]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}
