"""Which protocol a request speaks, by its path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import chat, gemini, messages, responses
from .reply import Refused, Reply, Request
from .turn import HttpError, WireTurn


class NotFound(Refused):
    """Refused because there is nothing at this path."""

    status = 404


def _as_it_is(reply: Reply, _request: Request) -> Reply:
    return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a provider refuses, speaks and fails."""

    problem: Callable[[Request], str | None]
    encode: Callable[[WireTurn, Request], Reply]
    http_error: Callable[[HttpError], Reply]
    finish: Callable[[Reply, Request], Reply] = _as_it_is


def _nowhere(request: Request) -> str:
    return NotFound(f"There is no {request.path}.")


PROTOCOLS = {
    "chat": Protocol(
        problem=chat.problem,
        encode=chat.encode,
        http_error=chat.refusal,
        finish=chat.without_unasked_usage,
    ),
    "responses": Protocol(
        problem=responses.problem, encode=responses.encode, http_error=chat.refusal
    ),
    "messages": Protocol(
        problem=messages.problem, encode=messages.encode, http_error=messages.http_error
    ),
    "gemini": Protocol(problem=gemini.problem, encode=gemini.encode, http_error=gemini.http_error),
}
NOWHERE = Protocol(problem=_nowhere, encode=chat.encode, http_error=chat.refusal)

_PATHS = (
    (re.compile(r"(/xai)?/v1/chat/completions"), "chat"),
    (re.compile(r"(/xai)?/v1/responses"), "responses"),
    (re.compile(r"/v1/messages(\?.*)?"), "messages"),
    (re.compile(r"/v1(beta)?/models/(?P<model>[^/:]+):streamGenerateContent\?alt=sse"), "gemini"),
)


def route(request: Request) -> tuple[str, str]:
    """Return the protocol and the model that a request is for; empty where it names none."""
    body: Any = request.body if isinstance(request.body, dict) else {}
    for path, protocol in _PATHS:
        found = path.fullmatch(request.path)
        if found is not None:
            return protocol, str(found.groupdict().get("model") or body.get("model") or "")
    return "", ""


def protocol_of(request: Request) -> Protocol:
    """Return the protocol of a request."""
    return PROTOCOLS.get(request.protocol, NOWHERE)
