"""What a person reads when a provider failed: what happened, and what to do."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from typing import assert_never, cast

from .endpoint import Endpoint
from .errors import BackendErrorKind

_LONGEST_DETAIL = 200
"""Characters of a server's own words in a message."""


def one_line(text: str) -> str:
    """Return the text on one line, cut where it gets long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DETAIL else line[: _LONGEST_DETAIL - 1] + "…"


def stopped(at: Endpoint, detail: str) -> str:
    """Return the message of an error in the middle of a stream."""
    return _with(f"{at.shown} stopped in the middle of its answer", detail)


def message(
    exc: Exception, kind: BackendErrorKind, at: Endpoint, *, status: int | None, detail: str
) -> str:
    """Return the message of an exception that was found to be of this kind.

    Args:
        exc: What the SDK raised.
        kind: What it was found to be.
        at: The server.
        status: The HTTP status, when there was one.
        detail: The server's own words, on one line.
    """
    http = f" (HTTP {status})" if status else ""
    match kind:
        case "auth":
            start = _auth(at, status) + http
        case "rate_limit":
            start = f"Too many requests for {at.shown}{http}"
        case "overloaded":
            start = f"{at.shown} cannot serve the request at present{http}"
        case "timeout":
            start = _timeout(exc, at) + http
        case "connection":
            start, detail = _connection(exc, at)
        case "bad_request":
            start, detail = _bad_request(at, status) + http, detail or _reason(exc)
        case "malformed" | "incomplete_stream":
            start, detail = f"{at.shown} sent what its protocol does not allow", _reason(exc)
        case "refused":
            start = f"{at.shown} declined to answer{http}"
        case "internal":
            start, detail = type(exc).__name__, one_line(str(exc))
        case _:
            assert_never(kind)
    return _with(start, detail)


def _with(start: str, detail: str) -> str:
    if detail and not detail.startswith("<"):  # a page of a proxy says nothing to a person
        return f"{start}: {detail}"
    return start if start.endswith("?") else f"{start}."


def _auth(at: Endpoint, status: int | None) -> str:
    if status not in (401, 403):
        return f"The account at {at.shown} may not do this"
    if at.key is None:
        return f"{at.shown} wants a key (api_key or api_key_env)"
    return f"{at.shown} does not accept the key in {at.key_source}"


def _bad_request(at: Endpoint, status: int | None) -> str:
    if status == 404:
        return f"{at.shown} does not know this model, or is no base_url"
    if status is not None and 300 <= status < 400:
        return f"{at.shown} sends requests elsewhere, so it is no base_url"
    return f"{at.shown} does not accept the request"


def _timeout(exc: Exception, at: Endpoint) -> str:
    names = {type(link).__name__ for link in causes(exc)}
    if names & {"ConnectTimeout", "PoolTimeout"}:
        return f"No connection to {at.shown} in time"
    return f"{at.shown} was silent for too long"


def _connection(exc: Exception, at: Endpoint) -> tuple[str, str]:
    """Return what happened to the connection, and the reason where it adds something."""
    links = list(causes(exc))
    names = {type(link).__name__ for link in links}
    tls = next((link for link in links if isinstance(link, ssl.SSLError)), None)
    if tls is not None:
        return f"No secure connection to {at.shown}", one_line(str(tls))
    if "ProxyError" in names:
        return f"The proxy on the way to {at.shown} refused", one_line(str(links[-1]))
    if any(isinstance(link, socket.gaierror) for link in links):
        return f"The host of {at.shown} is not known. Is base_url right?", ""
    if "ConnectError" in names:
        return f"No server answers at {at.shown}. Is it running?", ""
    return f"{at.shown} cut the connection", ""


def _reason(exc: Exception) -> str:
    """Return what is wrong, without repeating what was sent or received."""
    from pydantic import ValidationError

    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return one_line(f"{where}: {first['msg']}" if where else first["msg"])
    if isinstance(exc, json.JSONDecodeError):
        return f"not valid JSON ({exc.msg})"
    if isinstance(exc, UnicodeError):
        return "a text that is not valid Unicode"
    return one_line(str(exc))


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield the exception, what caused it, and so on."""
    seen: set[int] = set()
    links: list[BaseException] = [exc]
    while links:
        link = links.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        links += [other for other in (link.__cause__, link.__context__) if other is not None]
        if isinstance(link, BaseExceptionGroup):
            links += cast("BaseExceptionGroup[BaseException]", link).exceptions
