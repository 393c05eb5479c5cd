"""What an SDK raises, as massgraph's own errors.

A dialect says for one SDK which class of ours a class of the SDK becomes, most specific first; the
HTTP client below all of them has its rows here. What the server wrote into the error says more
than the status in a few cases, and then it counts:

- a quota or a balance that is used up comes as 429 or 402, and asking again does not help: it is
  an `AuthError` (the account may not do this), which is not retried;
- a prompt stopped by a content filter comes as 400: it is a `RefusedError`;
- an error in the middle of a stream has no status at all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, cast

from .endpoint import Endpoint
from .errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    InternalBackendError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
)
from .failure_words import causes, message, no_stream, one_line, stopped

Row = tuple[type[BaseException], type[BackendError]]
Codes = Mapping[str, type[BackendError]]


def described(exc: Exception) -> Mapping[str, Any]:
    """Return the error that the server described; what is no mapping is its message."""
    body: object = getattr(exc, "body", None)
    if isinstance(body, Mapping):
        return cast("Mapping[str, Any]", body)
    return {"message": body} if isinstance(body, str) else {}


def status_code(exc: Exception) -> int | None:
    """Return the HTTP status of an exception, where it has one."""
    status: object = getattr(exc, "status_code", None)
    return status if isinstance(status, int) else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one SDK and its servers say that something failed.

    Args:
        rows: Which class of the SDK becomes which of ours, most specific first; a function,
            because it imports the SDK.
        codes: Codes and types of an error in the middle of a stream; any other one is the
            provider's own trouble.
        decisive: Codes that say more than the status they come with.
        describe: Returns the error that the server described, of an exception of the SDK.
        coded: Returns that error with a code, where the server has but a sentence for it.
        status: Returns the HTTP status of an exception, where it has one.
        wait: Returns the seconds to wait that the error itself names, where the headers don't.
    """

    rows: Callable[[], tuple[Row, ...]]
    codes: Codes = field(default_factory=dict[str, type[BackendError]])
    decisive: Codes = field(default_factory=dict[str, type[BackendError]])
    describe: Callable[[Exception], Mapping[str, Any]] = described
    coded: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda body: body
    status: Callable[[Exception], int | None] = status_code
    wait: Callable[[Mapping[str, Any]], float | None] = lambda _: None

    def table(self) -> tuple[Row, ...]:
        """Return all rows, those of the HTTP client included."""
        return (*self.rows(), *_transport_rows())

    def mapped(self, cls: type[BaseException]) -> type[BackendError] | None:
        """Return what an exception of this class becomes, or None when no row names it."""
        return next((ours for theirs, ours in self.table() if issubclass(cls, theirs)), None)


_STATUSES: Mapping[int, type[BackendError]] = {
    401: AuthError,
    402: AuthError,
    403: AuthError,
    408: BackendTimeoutError,
    409: OverloadedError,
    425: OverloadedError,
    429: RateLimitError,
}
"""Statuses below 500 that are not the request's own fault."""


@lru_cache(maxsize=1)
def _transport_rows() -> tuple[Row, ...]:
    """Return the rows of what may pass through any SDK as it is."""
    import httpx2
    from pydantic import ValidationError

    return (
        (httpx2.TimeoutException, BackendTimeoutError),
        (httpx2.UnsupportedProtocol, BadRequestError),
        (httpx2.LocalProtocolError, BadRequestError),
        (httpx2.SSEError, MalformedResponseError),
        (httpx2.DecodingError, MalformedResponseError),
        (httpx2.TooManyRedirects, BadRequestError),
        (httpx2.HTTPStatusError, OverloadedError),
        (httpx2.HTTPError, BackendConnectionError),
        (httpx2.InvalidURL, BadRequestError),
        (httpx2.CookieConflict, MalformedResponseError),
        (httpx2.StreamError, BackendConnectionError),
        (json.JSONDecodeError, MalformedResponseError),
        (UnicodeDecodeError, MalformedResponseError),
        (UnicodeEncodeError, BadRequestError),
        (ValidationError, MalformedResponseError),
        (TimeoutError, BackendTimeoutError),
        (OSError, BackendConnectionError),
    )


def translate(exc: Exception, at: Endpoint, dialect: Dialect, *, model: str = "") -> BackendError:
    """Return the exception as a BackendError, without secrets.

    The original is its cause, unless its text holds a secret.

    Args:
        exc: What was raised.
        at: The server.
        dialect: How the SDK says that something failed.
        model: The model that was asked for, to name it where the server does not know it.
    """
    if isinstance(exc, BackendError):
        return exc
    body = dialect.coded(dialect.describe(exc))
    status, what = dialect.status(exc), _what_happened(exc, dialect)
    cls = _class(what, status, body, dialect)
    said = message(what, cls.kind, at, model=model, status=status, detail=detail_of(body, at))
    error = cls(at.redact(said), retry_after=_wait(exc, body, dialect), status=status)
    error.__cause__ = harmless(exc, at)
    return error


def harmless(exc: Exception, at: Endpoint) -> Exception | None:
    """Return the exception, if a traceback that shows it shows no secret."""
    return None if any(at.redact(str(link)) != str(link) for link in causes(exc)) else exc


def frame_error(body: Mapping[str, Any], at: Endpoint, dialect: Dialect) -> BackendError:
    """Return the error that a frame in the middle of a stream describes."""
    cls = _class_of_codes(dialect.coded(body), dialect) or OverloadedError
    return cls(at.redact(stopped(at, detail_of(body, at))), retry_after=dialect.wait(body))


def check_stream(at: Endpoint, content_type: str) -> None:
    """Check that an answer in which nothing was found is at least called a stream.

    Raises:
        BadRequestError: When it is not: another server answers there, and will do so again.
    """
    if "text/event-stream" not in content_type:
        raise BadRequestError(no_stream(at, content_type))


def speaks_of(exc: Exception, dialect: Dialect, model: str) -> bool:
    """Return whether the server's words of an error name the model."""
    return model in _words(dialect.describe(exc))


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Return the seconds that the server asks to wait, from now on, or None.

    Args:
        headers: The response's headers, in lower case.
        now: Seconds since the epoch, for a wait that is given as a date.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0.0 <= wait < float("inf"):
            return wait
    try:
        date = parsedate_to_datetime(headers["retry-after"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return max(0.0, date - (time.time() if now is None else now))


def _wait(exc: Exception, body: Mapping[str, Any], dialect: Dialect) -> float | None:
    wait = retry_after(_headers(exc))
    return dialect.wait(body) if wait is None else wait


def detail_of(body: Mapping[str, Any], at: Endpoint) -> str:
    """Return the server's own words of an error, on one line and without secrets."""
    return one_line(_words(body), at)


def _words(body: Mapping[str, Any]) -> str:
    said = body.get("message") or body.get("detail") or ""
    return said if isinstance(said, str) else json.dumps(said, default=str)


def _headers(exc: Exception) -> dict[str, str]:
    response = getattr(exc, "response", None)
    headers: Mapping[str, str] = getattr(response, "headers", None) or {}
    return {name.lower(): value for name, value in headers.items()}


def _what_happened(exc: Exception, dialect: Dialect) -> Exception:
    """Return what an SDK's bare word for any trouble with the connection was raised from."""
    cause = exc.__cause__
    if not isinstance(cause, Exception) or dialect.mapped(type(cause)) is None:
        return exc
    return cause if dialect.mapped(type(exc)) is BackendConnectionError else exc


def _class(
    exc: Exception, status: int | None, body: Mapping[str, Any], dialect: Dialect
) -> type[BackendError]:
    if status is None or status < 400:  # a stream that had begun well
        found = _class_of_codes(body, dialect)
    else:
        codes = (code for code in _codes(body) if code in dialect.decisive)
        found = next((dialect.decisive[code] for code in codes), _class_of_status(status))
    return found or dialect.mapped(type(exc)) or InternalBackendError


def _class_of_status(status: int) -> type[BackendError] | None:
    if status >= 500:
        return OverloadedError
    return _STATUSES.get(status, BadRequestError) if status >= 400 else None


def _class_of_codes(body: Mapping[str, Any], dialect: Dialect) -> type[BackendError] | None:
    for code in _codes(body):
        for table in (dialect.decisive, dialect.codes):
            if code in table:
                return table[code]
        if code.isascii() and code.isdigit() and len(code) == 3:
            found = _class_of_status(int(code))
            if found:
                return found
    return None


def _codes(body: Mapping[str, Any]) -> Iterator[str]:
    for name in ("code", "type"):
        if body.get(name) is not None:
            yield str(body[name]).strip().lower()
