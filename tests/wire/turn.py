"""What a model says in one reply, told without a provider's words."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .reply import End, Frame, Reply

Finish = Literal["stop", "length", "refusal", "pause"]
ErrorKind = Literal["rate_limit", "overloaded", "server", "bad_request"]
Args = Mapping[str, Any] | str
"""A call's arguments; a string is sent as it is, where the protocol can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireUsage:
    """Tokens: `input` holds `cached` and `cache_write`, `output` holds `reasoning`."""

    input: int = 12
    cached: int = 4
    cache_write: int = 0
    output: int = 7
    reasoning: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTurn:
    """One reply of a model.

    Args:
        text: The text.
        reasoning: Reasoning, before the text; it is signed as the protocol does (see `seal`).
        redacted: Whether a block of hidden reasoning follows (Messages).
        calls: Tool calls after the text, in parallel: name and arguments.
        searches: Web searches before the text: the query, and (url, title) of what was found.
        search_error: The code with which all searches fail instead (Messages).
        code_runs: Code that ran on the provider's side, with what it printed.
        fetches: Pages that were read: url and text.
        citations: Sources of the text: url, title, and the cited text (best: a part of `text`).
        refusal: The words of a refusal.
        finish: Why it ends; left out, what fits.
        usage: The tokens.
        piece: Characters in a delta.
        end: How the stream ends.
        after: How many frames are sent before it breaks (needs `error`, or another `end`).
        error: The error the provider reports in the middle of the stream.
        error_event: Whether Responses says so by a bare `error` event, not `response.failed`.
        message: The words of that error.
        delay_s: Seconds before anything is sent.
    """

    text: str = ""
    reasoning: str = ""
    redacted: bool = False
    calls: Sequence[tuple[str, Args]] = ()
    searches: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    search_error: str = ""
    code_runs: Sequence[tuple[str, str]] = ()
    fetches: Sequence[tuple[str, str]] = ()
    citations: Sequence[tuple[str, str, str]] = ()
    refusal: str = ""
    finish: Finish | None = None
    usage: WireUsage = field(default_factory=WireUsage)
    piece: int = 8
    end: End = "done"
    after: int | None = None
    error: ErrorKind | None = None
    error_event: bool = False
    message: str = "It went wrong."
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a turn that contradicts itself."""
        if self.after is not None and self.error is None and self.end == "done":
            raise ValueError("`after` needs an `error`, or an `end` other than done.")

    @property
    def finished(self) -> Finish:
        """Why it ends."""
        return self.finish or ("refusal" if self.refusal else "stop")

    def pieces(self, said: str) -> list[str]:
        """Return a text in the pieces in which it is sent."""
        return [said[start : start + self.piece] for start in range(0, len(said), self.piece)]

    def spans(self) -> list[tuple[int, int]]:
        """Return where in the text each citation's text stands; at its end if nowhere."""
        starts = [self.text.find(cited) for *_, cited in self.citations]
        return [
            (start, start + len(cited)) if start >= 0 else (len(self.text), len(self.text))
            for start, (*_, cited) in zip(starts, self.citations, strict=True)
        ]

    def reply(
        self,
        frames: Sequence[Frame],
        closing: Sequence[Frame],
        error: Sequence[Frame],
        newline: str = "\n",
    ) -> Reply:
        """Return these frames as a reply that ends, or breaks, as the turn says."""
        kept = tuple(frames if self.after is None else frames[: self.after])
        return Reply(
            frames=kept if self.error is None else (*kept, *error),
            closing=tuple(closing) if self.error is None else (),
            end=self.end,
            newline=newline,
            delay_s=self.delay_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError:
    """A refusal by HTTP status, in the body that the request's provider would send.

    Args:
        status: The status.
        message: What it says.
        code: The provider's own word for it; left out, the usual one for the status.
        retry_after: The `Retry-After` header.
        headers: More headers.
    """

    status: int
    message: str = "It went wrong."
    code: str | None = None
    retry_after: float | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def reply(self, body: Any) -> Reply:
        """Return the refusal with this body."""
        sent = dict(self.headers)
        if self.retry_after is not None:
            sent["Retry-After"] = str(self.retry_after)
        return Reply(status=self.status, headers=sent, body=json.dumps(body).encode())


def written(args: Args) -> str:
    """Return a call's arguments as JSON."""
    return args if isinstance(args, str) else json.dumps(args, ensure_ascii=False)


def parsed(args: Args) -> dict[str, Any]:
    """Return a call's arguments as an object, for a protocol that cannot send broken ones."""
    if not isinstance(args, str):
        return dict(args)
    try:
        value = json.loads(args)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def seal(*parts: str) -> str:
    """Return a signature of these parts: what comes back can be told from what was changed."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b64encode(digest + b"signed by the wire").decode()
