"""What a person reads when a provider failed: what happened, and what to do."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from typing import assert_never, cast
from urllib.parse import urlsplit

from .endpoint import Endpoint
from .errors import BackendErrorKind

_LONGEST_DETAIL = 200
"""Characters of a server's own words in a message."""
_STATUS = re.compile(r"Error code: \d+(?: - |$)")
"""How the SDKs begin their own words, or all that they say: the status is told already."""


def one_line(text: str, at: Endpoint) -> str:
    """Return the text on one line, cut where it gets long.

    What is secret is struck out first: of half a key, nobody could tell that it is one.
    """
    line = " ".join(at.redact(text).split())
    return line if len(line) <= _LONGEST_DETAIL else line[: _LONGEST_DETAIL - 1] + "…"


def stopped(at: Endpoint, detail: str) -> str:
    """Return the message of an error in the middle of a stream."""
    return _with(f"{at.named} stopped in the middle of its answer", detail)


def no_stream(at: Endpoint, content_type: str) -> str:
    """Return the message of an answer that is no stream, by its content type."""
    return (
        f"{at.named} answered with {one_line(content_type, at) or 'nothing'}, not with a stream. "
        f"Is {at.url_source} right?"
    )


def message(
    exc: Exception,
    kind: BackendErrorKind,
    at: Endpoint,
    *,
    model: str,
    status: int | None,
    detail: str,
) -> str:
    """Return the message of an exception that was found to be of this kind.

    Args:
        exc: What the SDK raised.
        kind: What it was found to be.
        at: The server.
        model: The model that was asked for; empty where that is not known.
        status: The HTTP status, when there was one.
        detail: The server's own words, on one line.
    """
    http = f" (HTTP {status})" if status else ""
    match kind:
        case "auth":
            start = _auth(at, status) + http
        case "rate_limit":
            start = f"Too many requests for {at.named}{http}"
        case "overloaded":
            start = f"{at.named} cannot serve the request at present{http}"
        case "timeout":
            start = _timeout(exc, at) + http
        case "connection":
            start, detail = _connection(exc, at)
        case "bad_request":
            start = _bad_request(at, model, status) + http
            if not _moved(status):
                detail = _and_ask(detail or _reason(exc, at), _about_path(at, status))
        case "malformed" | "incomplete_stream":
            start, detail = f"{at.named} sent what its protocol does not allow", _reason(exc, at)
        case "refused":
            start = f"{at.named} declined to answer{http}"
        case "internal":
            start, detail = type(exc).__name__, one_line(str(exc), at)
        case _:
            assert_never(kind)
    return _with(start, detail)


def _with(start: str, detail: str) -> str:
    if detail and not detail.startswith("<"):  # a page of a proxy says nothing to a person
        return f"{start}: {detail}"
    return start if start.endswith("?") else f"{start}."


def _auth(at: Endpoint, status: int | None) -> str:
    if status not in (401, 403):
        return f"The account at {at.named} may not do this"
    if at.key is None:
        return f"{at.named} wants a key (api_key or api_key_env)"
    return f"{at.named} does not accept the key in {at.key_source}"


def _bad_request(at: Endpoint, model: str, status: int | None) -> str:
    if status == 404:
        start = f"{at.named} has no {f'model {model!r}' if model else 'such model'}"
        return start if at.is_own else f"{start}, or {at.url_source} is wrong"
    if _moved(status):
        return f"{at.named} sends requests elsewhere, so {at.url_source} is wrong"
    return f"{at.named} does not accept the request"


def _moved(status: int | None) -> bool:
    return status is not None and 300 <= status < 400


def _about_path(at: Endpoint, status: int | None) -> str:
    """Return what to ask about the URL's path, when nothing was found there."""
    if status != 404 or at.vendor is None or at.is_own:
        return ""
    path = urlsplit(at.url).path
    if "/v1/v1" in path:
        return f"{at.url_source} has /v1 twice."
    wanted = urlsplit(at.vendor.example).path
    missing = wanted and wanted not in path
    return f"Should {at.url_source} end in {wanted}?" if missing else ""


def _and_ask(detail: str, question: str) -> str:
    if not detail or detail.startswith("<") or not question:
        return question or detail
    return f"{detail} {question}" if detail.endswith((".", "?", "!")) else f"{detail}. {question}"


def _place(at: Endpoint) -> str:
    """Return where the server should be, and what says so where that is no setting of ours."""
    return at.named if at.url_source == "base_url" else f"{at.named} ({at.url_source})"


def _timeout(exc: Exception, at: Endpoint) -> str:
    names = {type(link).__name__ for link in causes(exc)}
    if names & {"ConnectTimeout", "PoolTimeout"}:
        return f"No connection to {_place(at)} in time"
    return f"{at.named} was silent for too long"


def _connection(exc: Exception, at: Endpoint) -> tuple[str, str]:
    """Return what happened to the connection, and the reason where it adds something."""
    links = list(causes(exc))
    names = {type(link).__name__ for link in links}
    tls = next((link for link in links if isinstance(link, ssl.SSLError)), None)
    if tls is not None:
        return f"No secure connection to {_place(at)}", one_line(str(tls), at)
    if "ProxyError" in names:
        return f"The proxy on the way to {at.named} refused", one_line(str(links[-1]), at)
    if any(isinstance(link, socket.gaierror) for link in links):
        return f"The host of {at.named} is not known. Is {at.url_source} right?", ""
    if "ConnectError" in names:
        return f"No server answers at {_place(at)}. Is it running?", ""
    return f"{at.named} cut the connection", ""


def _reason(exc: Exception, at: Endpoint) -> str:
    """Return what is wrong, without repeating what was sent or received."""
    from pydantic import ValidationError

    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return one_line(f"{where}: {first['msg']}" if where else first["msg"], at)
    if isinstance(exc, json.JSONDecodeError):
        return f"not valid JSON ({exc.msg})"
    if isinstance(exc, UnicodeError):
        return "a text that is not valid Unicode"
    return one_line(_STATUS.sub("", str(exc)), at)


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
