"""What the OpenAI SDK raises, as massgraph's own errors.

A table says which class of ours a class of the SDK becomes, most specific first; what the server
wrote into the error says more than the status in a few cases, and then it counts:

- a quota or a balance that is used up comes as 429 or 402, and asking again does not help: it is
  an `AuthError` (the account may not do this), which is not retried;
- a prompt stopped by a content filter comes as 400: it is a `RefusedError`;
- an error in the middle of a stream has no status at all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, cast

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
    RefusedError,
)
from .openai_client import Endpoint
from .openai_messages import causes, message, one_line, stopped

Row = tuple[type[BaseException], type[BackendError]]

_DECISIVE_CODES: Mapping[str, type[BackendError]] = {
    "insufficient_quota": AuthError,
    "insufficient_balance": AuthError,
    "billing_hard_limit_reached": AuthError,
    "billing_not_active": AuthError,
    "content_filter": RefusedError,
    "content_policy_violation": RefusedError,
    "moderation_blocked": RefusedError,
}
"""Codes that say more than the status they come with."""

_CODES: Mapping[str, type[BackendError]] = {
    **_DECISIVE_CODES,
    "account_deactivated": AuthError,
    "authentication_error": AuthError,
    "invalid_api_key": AuthError,
    "permission_error": AuthError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "requests": RateLimitError,
    "tokens": RateLimitError,
    "too_many_requests": RateLimitError,
    "timeout": BackendTimeoutError,
    "timeout_error": BackendTimeoutError,
    "badrequesterror": BadRequestError,
    "context_length_exceeded": BadRequestError,
    "invalid_request_error": BadRequestError,
    "model_not_found": BadRequestError,
    "not_found_error": BadRequestError,
    "notfounderror": BadRequestError,
}
"""Codes and types of an error frame in a stream; any other one is the provider's own trouble."""


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
def error_table() -> tuple[Row, ...]:
    """Return which class of the SDK becomes which of ours, most specific first."""
    import httpx2
    import openai
    from pydantic import ValidationError

    return (
        (openai.APITimeoutError, BackendTimeoutError),
        (openai.APIConnectionError, BackendConnectionError),
        (openai.APIStatusError, BadRequestError),  # where the status does not say it better
        (openai.APIResponseValidationError, MalformedResponseError),
        (openai.APIError, OverloadedError),
        (openai.LengthFinishReasonError, MalformedResponseError),
        (openai.ContentFilterFinishReasonError, RefusedError),
        (openai.WebSocketConnectionClosedError, BackendConnectionError),
        (openai.WebSocketQueueFullError, OverloadedError),
        (openai.InvalidWebhookSignatureError, MalformedResponseError),
        (openai.OpenAIError, InternalBackendError),
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


def mapped_class(cls: type[BaseException]) -> type[BackendError] | None:
    """Return what an exception of this class becomes, or None when no row names it."""
    return next((ours for theirs, ours in error_table() if issubclass(cls, theirs)), None)


def translate(exc: Exception, at: Endpoint) -> BackendError:
    """Return the exception as a BackendError, without secrets.

    The original is its cause, unless its text holds a secret.
    """
    if isinstance(exc, BackendError):
        return exc
    status = cast("int | None", getattr(exc, "status_code", None))
    body = _body(exc)
    cls = _class(exc, status, body)
    error = cls(
        at.redact(message(exc, cls.kind, at, status=status, detail=_detail(body))),
        retry_after=retry_after(_headers(exc)),
        status=status,
    )
    if any(at.redact(str(link)) != str(link) for link in causes(exc)):
        error.__suppress_context__ = True
    else:
        error.__cause__ = exc
    return error


def frame_error(body: Mapping[str, Any], at: Endpoint) -> BackendError:
    """Return the error that a frame in the middle of a stream describes."""
    cls = _class_of_codes(body) or OverloadedError
    return cls(at.redact(stopped(at, _detail(body))))


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


def _body(exc: Exception) -> Mapping[str, Any]:
    """Return the error that the server described; what is no mapping is its message."""
    body: object = getattr(exc, "body", None)
    if isinstance(body, Mapping):
        return cast("Mapping[str, Any]", body)
    return {"message": body} if isinstance(body, str) else {}


def _detail(body: Mapping[str, Any]) -> str:
    said = body.get("message") or body.get("detail") or ""
    return one_line(said if isinstance(said, str) else json.dumps(said, default=str))


def _headers(exc: Exception) -> dict[str, str]:
    response = getattr(exc, "response", None)
    headers: Mapping[str, str] = getattr(response, "headers", None) or {}
    return {name.lower(): value for name, value in headers.items()}


def _class(exc: Exception, status: int | None, body: Mapping[str, Any]) -> type[BackendError]:
    if status is None:
        found = _class_of_codes(body)
    else:
        decisive = (_DECISIVE_CODES[code] for code in _codes(body) if code in _DECISIVE_CODES)
        found = next(decisive, _class_of_status(status))
    return found or mapped_class(type(exc)) or InternalBackendError


def _class_of_status(status: int) -> type[BackendError] | None:
    if status >= 500:
        return OverloadedError
    return _STATUSES.get(status, BadRequestError) if status >= 400 else None


def _class_of_codes(body: Mapping[str, Any]) -> type[BackendError] | None:
    for code in _codes(body):
        if code in _CODES:
            return _CODES[code]
        if code.isascii() and code.isdigit() and len(code) == 3:
            found = _class_of_status(int(code))
            if found:
                return found
    return None


def _codes(body: Mapping[str, Any]) -> Iterator[str]:
    for name in ("code", "type"):
        if body.get(name) is not None:
            yield str(body[name]).strip().lower()
