"""The table: what a server does, what it is called, and whether it is worth another try.

Each row is one fault, the same for all providers; what a provider says in words of its own is in
those words. A row without a kind is no fault after all: the answer must come through.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from massgraph.backends.chunks import FinishReason
from massgraph.backends.errors import BackendErrorKind, error_class
from massgraph.backends.retry import RetryPolicy

from ..wire.reply import Reply, Request, silence
from ..wire.turn import HttpError
from .breaking import (
    FIRST,
    TEXT,
    WEATHER,
    Play,
    at_key,
    at_text,
    body,
    changed,
    cut,
    dripping,
    encoded,
    fails,
    half_a_frame,
    insert,
    native,
    refuse,
    rewritten,
    same_ids,
    stays,
    strange,
    talks_on,
    twice_the_end,
    unheard_of,
    whole,
    without,
)
from .seats import KEY

POLICY = RetryPolicy(requests=3, first_delay_s=0.001, max_delay_s=0.002, max_retry_after_s=1.0)
"""The engine's policy, in a hurry."""
ELSEWHERE = "{elsewhere}"
"""In a header: the origin of another server."""
HUGE = "Hello, y" * (1 << 17)
"""A megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row.

    Args:
        play: What the server does, at each request.
        kind: What the error is; None where the answer must come through.
        others: The kind for providers that say it in another way.
        text: What was said before; None where it depends on the protocol.
        calls: How many tool calls come through.
        finish: Why the answer ended, where it did.
        wait: The seconds that the provider asks to wait.
        idle_timeout_s: The silence that is allowed.
        detours: Providers that look for what is missing in a second place, once.
    """

    play: Play
    kind: BackendErrorKind | None = None
    others: Mapping[str, BackendErrorKind | None] = field(default_factory=dict)
    text: str | None = ""
    calls: int = 0
    finish: FinishReason = "stop"
    wait: float | None = None
    idle_timeout_s: float = 10.0
    detours: tuple[str, ...] = ()

    def kind_at(self, provider: str) -> BackendErrorKind | None:
        """Return the kind of the error at a provider."""
        return self.others.get(provider, self.kind)

    def requests_at(self, provider: str, *, begun: bool) -> int:
        """Return how many requests are sent, if the answer has or has not begun."""
        kind = self.kind_at(provider)
        again = kind is not None and error_class(kind).retryable
        if again and not begun and self._soon:
            return POLICY.requests
        return 1 + (provider in self.detours)

    @property
    def _soon(self) -> bool:
        return (self.wait or 0.0) <= POLICY.max_retry_after_s


def fine(play: Play, **more: Any) -> Fault:
    """Return a row for what is no fault."""
    return Fault(play=play, **{"text": TEXT, **more})


# --- statuses ----------------------------------------------------------------------------------

STATUSES: Mapping[int, BackendErrorKind] = {
    400: "bad_request",
    401: "auth",
    402: "auth",
    403: "auth",
    404: "bad_request",
    408: "timeout",
    409: "overloaded",
    413: "bad_request",
    418: "bad_request",
    422: "bad_request",
    425: "overloaded",
    429: "rate_limit",
    500: "overloaded",
    502: "overloaded",
    503: "overloaded",
    504: "overloaded",
    529: "overloaded",
}
_IN_ITS_OWN_WORDS: Mapping[int, Mapping[str, BackendErrorKind]] = {
    504: {"gemini": "timeout"},  # DEADLINE_EXCEEDED
}
_TWO_PROTOCOLS = ("grok",)
"""Who asks once more in another protocol where one seems to be missing."""

_DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}
_PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
_NO_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def _google(status: int, word: str, message: str, *details: Any) -> Play:
    error = {"code": status, "message": message, "status": word, "details": details}
    return body(status, json.dumps({"error": error}).encode())


def _xai(status: int, code: str, message: str) -> Play:
    """Refuse as xAI does: https://docs.x.ai/developers/debugging."""
    return body(status, json.dumps({"code": code, "error": message}).encode())


def _openai(status: int, code: str, message: str = "It went wrong.") -> Play:
    return refuse(status, code=code, message=message)


def _named(play: Play) -> dict[str, Play]:
    return {"chat": play, "responses": play}


def _in_five_minutes(_: Request) -> HttpError:
    date = formatdate(time.time() + 300, usegmt=True)
    return HttpError(status=429, headers={"Retry-After": date})


_USED_UP = "Your team has either used all available credits or reached its spending limit."
_WRONG_KEY = f"Incorrect API key provided: {KEY}."
_LONG = "The prompt is too long: 300000 tokens > 200000 maximum"

REFUSED: Mapping[str, Fault] = {
    **{
        f"status {status}": Fault(
            play=refuse(status),
            kind=kind,
            others=_IN_ITS_OWN_WORDS.get(status, {}),
            detours=_TWO_PROTOCOLS if status == 404 else (),
        )
        for status, kind in STATUSES.items()
    },
    "wait in seconds": Fault(play=refuse(429, retry_after=0.02), kind="rate_limit", wait=0.02),
    "wait in milliseconds": Fault(
        play=refuse(503, headers={"Retry-After-Ms": "20", "Retry-After": "9"}),
        kind="overloaded",
        wait=0.02,
    ),
    "wait until a date": Fault(play=_in_five_minutes, kind="rate_limit", wait=300),
    "wait until a date that has passed": Fault(
        play=refuse(429, headers={"Retry-After": formatdate(1e9, usegmt=True)}),
        kind="rate_limit",
        wait=0,
    ),
    "wait for too long": Fault(play=refuse(429, retry_after=3600), kind="rate_limit", wait=3600),
    "wait that is none": Fault(
        play=refuse(503, headers={"Retry-After": "soon"}), kind="overloaded"
    ),
    "wait in the provider's own words": Fault(
        play=native(
            **_named(refuse(429, headers={"Retry-After-Ms": "20"})),
            messages=refuse(429, headers={"Retry-After": "0.02"}),
            gemini=_google(429, "RESOURCE_EXHAUSTED", "Slower.", _DELAY),
        ),
        kind="rate_limit",
        wait=0.02,
    ),
    "quota used up": Fault(
        play=native(
            **_named(_openai(429, "insufficient_quota")),
            grok=_xai(429, "Some resource has been exhausted", _USED_UP),
            messages=refuse(402, code="billing_error"),
            gemini=_google(429, "RESOURCE_EXHAUSTED", "Too much.", _PER_DAY),
        ),
        kind="auth",
    ),
    "wrong key": Fault(
        play=native(
            **_named(_openai(401, "invalid_api_key", _WRONG_KEY)),
            grok=_xai(400, "Client specified an invalid argument", _WRONG_KEY),
            messages=refuse(401, message=_WRONG_KEY),
            gemini=_google(400, "INVALID_ARGUMENT", _WRONG_KEY, _NO_KEY),
        ),
        kind="auth",
    ),
    "unknown model": Fault(
        play=native(
            **_named(_openai(404, "model_not_found", "There is no such model.")),
            grok=_xai(404, "Some requested entity was not found", "There is no such model."),
            messages=refuse(404, message="model: m"),
            gemini=refuse(404, message="models/m is not found."),
        ),
        kind="bad_request",
        detours=_TWO_PROTOCOLS,
    ),
    "404 with the key in the body": Fault(
        play=native(
            **_named(_openai(404, "not_found", f"Nothing here for {KEY}.")),
            grok=_xai(404, "Some requested entity was not found", f"Nothing here for {KEY}."),
            messages=refuse(404, message=f"Nothing here for {KEY}."),
            gemini=refuse(404, message=f"Nothing here for {KEY}."),
        ),
        kind="bad_request",
        detours=_TWO_PROTOCOLS,
    ),
    "prompt too long": Fault(
        play=native(
            **_named(_openai(400, "context_length_exceeded", _LONG)),
            messages=refuse(400, message=_LONG),
            gemini=refuse(400, message=_LONG),
        ),
        kind="bad_request",
    ),
    "error without a body": Fault(play=body(503, b""), kind="overloaded"),
    "error as a page": Fault(
        play=body(502, b"<html><h1>Bad gateway</h1></html>", "text/html"), kind="overloaded"
    ),
    "error as a list": Fault(play=body(500, b'[{"error": 1}, 2]'), kind="overloaded"),
    "error as a text": Fault(play=body(429, b'"Slower."'), kind="rate_limit"),
    "error as broken JSON": Fault(play=body(400, b'{"error": {"mess'), kind="bad_request"),
    "error in a strange shape": Fault(
        play=body(403, b'{"error": {"message": {"a": [1]}, "code": [2], "type": {}}}'), kind="auth"
    ),
    "error with the key in a page": Fault(
        play=body(500, f"<p>Authorization: Bearer {KEY}</p>".encode(), "text/html"),
        kind="overloaded",
    ),
    "sent elsewhere for good": Fault(
        play=lambda _: Reply(
            status=301, body=b"", headers={"Location": f"{ELSEWHERE}/v1/somewhere"}
        ),
        kind="bad_request",
    ),
    "sent elsewhere with the body": Fault(
        play=lambda request: Reply(
            status=307, body=b"", headers={"Location": f"{ELSEWHERE}{request.path}"}
        ),
        kind="bad_request",
    ),
    "sent around in circles": Fault(
        play=lambda request: Reply(status=307, body=b"", headers={"Location": request.path}),
        kind="bad_request",
    ),
}

# --- the connection, and what goes over it -----------------------------------------------------

CONNECTION: Mapping[str, Fault] = {
    "cut before the headers": Fault(
        play=lambda _: Reply(status=None, end="drop"), kind="connection"
    ),
    "cut behind the headers": Fault(play=lambda _: Reply(end="drop"), kind="connection"),
    "cut within a frame": Fault(play=rewritten(half_a_frame), kind="connection", text=FIRST),
    "cut within the text": Fault(play=cut("drop"), kind="connection", text=FIRST),
    "cut before the end": Fault(play=whole(end="drop"), kind="connection", text=TEXT),
    "silent before the headers": Fault(
        play=lambda _: silence(), kind="timeout", idle_timeout_s=0.05
    ),
    "silent behind the headers": Fault(
        play=lambda _: Reply(end="stall"), kind="timeout", idle_timeout_s=0.05
    ),
    "silent within the text": Fault(
        play=cut("stall"), kind="timeout", text=FIRST, idle_timeout_s=0.3
    ),
    "silent before the end": Fault(
        play=whole(end="stall"), kind="timeout", text=TEXT, idle_timeout_s=0.3
    ),
    "ended before it began": Fault(play=lambda _: Reply(end="eof"), kind="incomplete_stream"),
    "ended within the text": Fault(play=cut("eof"), kind="incomplete_stream", text=FIRST),
    "ended before the end": Fault(play=whole(end="eof"), kind="incomplete_stream", text=TEXT),
    "no body": Fault(play=body(200, b"", "text/event-stream"), kind="incomplete_stream"),
    "a page": Fault(play=body(200, b"<html>Welcome</html>", "text/html"), kind="bad_request"),
    "an answer of another kind": Fault(
        play=body(200, b'{"id": "x", "object": "list", "data": []}'),
        kind="bad_request",
    ),
    "nothing of no kind": Fault(play=body(200, b"", "application/json"), kind="bad_request"),
    "packed, but not": Fault(
        play=lambda request: Reply(
            headers={"Content-Encoding": "gzip"}, frames=encoded(request).frames
        ),
        kind="malformed",
    ),
    "a flood of headers": Fault(
        play=lambda request: Reply(
            headers={f"X-{number}": "x" * 1000 for number in range(300)},
            frames=encoded(request).frames,
        ),
        kind="connection",
    ),
    "a stream of another content type": fine(
        rewritten(
            lambda reply: Reply(
                frames=reply.frames,
                closing=reply.closing,
                newline=reply.newline,
                headers={"Content-Type": "text/plain"},
            )
        )
    ),
    "a megabyte in a frame": fine(whole(text=HUGE, piece=len(HUGE)), text=HUGE),
    "byte by byte": fine(rewritten(dripping)),
    "the end, and silence": fine(rewritten(stays), idle_timeout_s=0.5),
    "the end twice": fine(rewritten(twice_the_end)),
    "words behind the end": fine(rewritten(talks_on), text=None),
}

# --- frames ------------------------------------------------------------------------------------

_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "promptTokenCount",
    "candidatesTokenCount",
)

FRAMES: Mapping[str, Fault] = {
    "broken JSON": Fault(play=insert(b'{"oops'), kind="malformed", text=FIRST),
    "broken JSON with the key": Fault(
        play=insert(b'{"key": "' + KEY.encode()), kind="malformed", text=FIRST
    ),
    "a text for a frame": Fault(play=insert(b'"text"'), kind="malformed", text=FIRST),
    "null for a frame": Fault(play=insert(b"null"), kind="malformed", text=FIRST),
    "a list for a frame": Fault(play=insert(b"[1, 2]"), kind="malformed", text=FIRST),
    "bytes that are no text": Fault(play=insert(b"\xff\xfe\x80"), kind="malformed", text=FIRST),
    "half a character": Fault(play=changed(at_text("\ud83d")), kind="malformed"),
    "a number for a text": Fault(play=changed(at_text(7)), kind="malformed"),
    "a list with the key for a text": Fault(play=changed(at_text([KEY])), kind="malformed"),
    "a word for a count": Fault(
        play=changed(at_key(*_COUNTS, to="many")), kind="malformed", text=None
    ),
    "a word for a place": Fault(
        play=changed(at_key("index", "output_index", to="first")), kind="malformed"
    ),
    "an event of the future": fine(insert(strange)),
    "something of the future in an event": fine(insert(unheard_of)),
    "a comment": fine(insert(lambda _: b": still here\n\n")),
    "no usage": fine(changed(without("usage", "usageMetadata"))),
    "no usage, but null": fine(changed(at_key("usage", "usageMetadata", to=None))),
}

# --- errors in the middle of a stream ----------------------------------------------------------

MIDSTREAM: Mapping[str, Fault] = {
    "rate limit in the stream": Fault(play=fails("rate_limit"), kind="rate_limit", text=TEXT),
    "overloaded in the stream": Fault(play=fails("overloaded"), kind="overloaded", text=TEXT),
    "server error in the stream": Fault(play=fails("server"), kind="overloaded", text=TEXT),
    "bad request in the stream": Fault(play=fails("bad_request"), kind="bad_request", text=TEXT),
    "overloaded at once": Fault(play=fails("overloaded", after=0), kind="overloaded"),
    "unknown error in the stream": Fault(
        play=insert(
            lambda request: {
                "chat": {"error": {"message": "Hm.", "type": "hm"}},
                "responses": {"type": "error", "code": "hm", "message": "Hm."},
                "messages": {"type": "error", "error": {"type": "hm_error", "message": "Hm."}},
                "gemini": {"error": {"code": 599, "message": "Hm.", "status": "HM"}},
            }[request.protocol]
        ),
        kind="overloaded",
        text=FIRST,
    ),
    "error in the stream with the key": Fault(
        play=fails("bad_request", message=f"Bearer {KEY}"), kind="bad_request", text=TEXT
    ),
    "prompt blocked by a filter": Fault(
        play=native(
            **_named(_openai(400, "content_filter")),
            messages=whole(text="", refusal="No.", finish="refusal"),
            gemini=whole(text="", refusal="No."),
        ),
        kind="refused",
        others={"claude": None},
        text=None,
        finish="refusal",
    ),
    "declined in words": Fault(
        play=whole(text="", refusal="I cannot help."),
        others={"gemini": "refused"},
        text=None,
        finish="refusal",
    ),
    "cut at the token limit": fine(whole(finish="length"), finish="length"),
}

# --- tool calls --------------------------------------------------------------------------------

CALLS: Mapping[str, Fault] = {
    "arguments that are no JSON": Fault(
        play=whole(calls=[("weather", '{"city": ')]), kind="malformed", text=TEXT
    ),
    "arguments cut at the token limit": Fault(
        play=whole(calls=[("weather", '{"city": "U')], finish="length"),
        kind="malformed",
        text=TEXT,
    ),
    "arguments that are a list": Fault(
        play=whole(calls=[("weather", '["Ulm"]')]), kind="malformed", text=TEXT
    ),
    "a call without a name": Fault(
        play=changed(without("name"), calls=[WEATHER]), kind="malformed", text=TEXT
    ),
    "a call with a number for a name": Fault(
        play=changed(at_key("name", to=7), calls=[WEATHER]), kind="malformed", text=TEXT
    ),
    "two calls with one id": fine(
        changed(same_ids, calls=[WEATHER, WEATHER]), calls=2, finish="tool_calls"
    ),
    "a call with no arguments": fine(whole(calls=[("weather", {})]), calls=1, finish="tool_calls"),
}

FAULTS: Mapping[str, Fault] = {**REFUSED, **CONNECTION, **FRAMES, **MIDSTREAM, **CALLS}
