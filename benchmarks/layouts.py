"""Other orders of schemas and messages, made from what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AnyMessage, SystemMessage

from benchmarks.conversations import Request
from massgraph.backends.prefix import STABLE
from massgraph.nodes.templates import TEMPLATES

Layout = Callable[[Sequence[Request]], list[Request]]
ACTIONS = ("new_answer", "vote")
_FENCE = re.compile(r"<(agent\d+) ([0-9a-f]{12})>\n.*?\n</\1 \2>", re.DOTALL)


def as_sent(requests: Sequence[Request]) -> list[Request]:
    """Return what is sent."""
    return list(requests)


def schemas(*order: str, labels_last: bool = True) -> Layout:
    """Return the layout with the schemas in this order.

    Args:
        *order: `own` tools, `new_answer` and `vote`.
        labels_last: Whether the labels come last in a vote's schema.
    """

    def place(tool: dict[str, Any]) -> int:
        return order.index(tool["name"] if tool["name"] in ACTIONS else "own")

    def form(tool: dict[str, Any]) -> dict[str, Any]:
        if tool["name"] != "vote":
            return tool
        names = ("reason", "agent_id") if labels_last else ("agent_id", "reason")
        properties = {name: tool["parameters"]["properties"][name] for name in names}
        rest = {key: part for key, part in tool["parameters"].items() if key != "properties"}
        parts = ({**rest}, {"properties": properties})
        first, last = parts if labels_last else reversed(parts)
        return {**tool, "parameters": first | last}

    def layout(requests: Sequence[Request]) -> list[Request]:
        return [
            replace(request, tools=[form(tool) for tool in sorted(request.tools, key=place)])
            for request in requests
        ]

    return layout


def oldest_answers_first(requests: Sequence[Request]) -> list[Request]:
    """Return the layout in which answers stand in the order in which they were given."""
    seen: dict[str, float] = {}
    changed: list[Request] = []
    for request in requests:
        messages: list[AnyMessage] = []
        for message in request.messages:
            text = message.text
            fences = [match[0] for match in _FENCE.finditer(text)]
            for one in fences:
                seen.setdefault(one, request.began)
            ordered = iter(sorted(fences, key=seen.__getitem__))
            messages.append(_with_text(message, _FENCE.sub(lambda _, o=ordered: next(o), text)))
        changed.append(replace(request, messages=messages))
    return changed


def rules_before_role(requests: Sequence[Request]) -> list[Request]:
    """Return the layout in which a system message begins with what all agents share."""

    def swapped(message: AnyMessage) -> AnyMessage:
        role, _, rules = message.text.partition("\n\n")
        return SystemMessage(f"{rules}\n\n{role}") if rules else message

    return [replace(r, messages=[swapped(r.messages[0]), *r.messages[1:]]) for r in requests]


def presenting_under_the_rules(requests: Sequence[Request]) -> list[Request]:
    """Return the layout in which presenting has the system message of the turns before it."""
    last: dict[str, AnyMessage] = {}
    changed: list[Request] = []
    for request in requests:
        if request.tools:
            last[request.agent] = request.messages[0]
            changed.append(request)
            continue
        more = TEMPLATES["present"].text
        *between, question = request.messages[1:]
        moved = _with_text(question, f"{question.text}\n\n{more}")
        changed.append(replace(request, messages=[last[request.agent], *between, moved]))
    return changed


def presenting_with_tools(requests: Sequence[Request]) -> list[Request]:
    """Return that layout with the tools of the last turn, which may not be called."""
    last: dict[str, list[dict[str, Any]]] = {}
    changed: list[Request] = []
    for request in presenting_under_the_rules(requests):
        last[request.agent] = request.tools or last[request.agent]
        changed.append(replace(request, tools=last[request.agent]))
    return changed


def _with_text(message: AnyMessage, text: str) -> AnyMessage:
    """Return a marked message with another text, of which the same characters stay."""
    marked = STABLE in message.additional_kwargs
    return message.model_copy(update={"content": text}) if marked else message


ORDERS = (
    ("vote", "new_answer", "own"),
    ("new_answer", "vote", "own"),
    ("own", "vote", "new_answer"),
    ("own", "new_answer", "vote"),
)
SCHEMAS: dict[str, Layout] = {
    f"schemas: {', '.join(order)}, {'reason, labels' if last else 'labels, reason'}": schemas(
        *order, labels_last=last
    )
    for order in ORDERS
    for last in (False, True)
}
"""All orders of schemas; the last one is what is sent, the first one what was sent once."""
LAYOUTS: dict[str, Layout] = SCHEMAS | {
    "system: rules before the role": rules_before_role,
    "answers: oldest first": oldest_answers_first,
    "presenting: under the rules of turns": presenting_under_the_rules,
    "presenting: with tools that may not be called": presenting_with_tools,
}
