"""How the Google Gen AI SDK, and the Gemini API, say that something failed.

The API's own words for it stand in `status` and in the `reason` of a detail: a wrong key comes as
HTTP 400 with the reason `API_KEY_INVALID`, a region or an account that may not use the API as
HTTP 400 `FAILED_PRECONDITION`. 429 is a limit by the minute, which is worth another try after the
`retryDelay` that comes with it, or one by the day, which is not, whatever delay comes with that.

https://ai.google.dev/gemini-api/docs/troubleshooting and .../rate-limits
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from ..errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    IncompleteStreamError,
    InternalBackendError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
)
from ..failures import Dialect, Row
from ..wire import mapping

_WRONG_KEY = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED"))

_DECISIVE: Mapping[str, type[BackendError]] = {
    "api_key_invalid": AuthError,
    "api_key_expired": AuthError,
    "billing_disabled": AuthError,
    "daily_quota": AuthError,
    "failed_precondition": AuthError,
    "deadline_exceeded": BackendTimeoutError,
    "cancelled": BackendConnectionError,
    "redirect": BadRequestError,
}

_CODES: Mapping[str, type[BackendError]] = {
    "invalid_argument": BadRequestError,
    "out_of_range": BadRequestError,
    "not_found": BadRequestError,
    "unimplemented": BadRequestError,
    "unauthenticated": AuthError,
    "permission_denied": AuthError,
    "resource_exhausted": RateLimitError,
}


def described_by_google(exc: Exception) -> Mapping[str, Any]:
    """Return the error that the API described: `message`, `details`, and the best word for it."""
    body: object = getattr(exc, "details", None)
    if isinstance(body, list) and body:
        body = cast("list[object]", body)[0]
    error = mapping(body)
    error = mapping(error.get("error")) or error
    if not error:
        return {"message": body} if isinstance(body, str) else {}
    said = {"message": error.get("message"), "details": error.get("details")}
    return {**said, "code": _code(exc, error), "type": error.get("status")}


def google_status(exc: Exception) -> int | None:
    """Return the HTTP status; that of a wrong key is 401, as everywhere else."""
    code: object = getattr(exc, "code", None)
    if not isinstance(code, int):
        return None
    return 401 if _WRONG_KEY & {*_reasons(_details(described_by_google(exc)))} else code


def retry_delay(error: Mapping[str, Any]) -> float | None:
    """Return the seconds that the details of an error ask to wait, or None."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        try:
            return max(0.0, float(str(delay).removesuffix("s")))
        except ValueError:
            continue
    return None


def _code(exc: Exception, error: Mapping[str, Any]) -> str | None:
    details = list(_details(error))
    if any("PerDay" in quota for quota in _quotas(details)):
        return "daily_quota"
    known = (reason for reason in _reasons(details) if reason.lower() in _DECISIVE)
    reason = next(known, None)
    if reason is None and 300 <= (getattr(exc, "code", None) or 0) < 400:
        return "redirect"
    return reason or (str(error["status"]) if error.get("status") else None)


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details: object = error.get("details")
    if isinstance(details, list):
        for detail in cast("list[object]", details):
            yield mapping(detail)


def _reasons(details: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> Iterator[str]:
    for detail in details:
        if detail.get("reason"):
            yield str(detail["reason"])


def _quotas(details: list[Mapping[str, Any]]) -> Iterator[str]:
    for detail in details:
        violations: object = detail.get("violations")
        if isinstance(violations, list):
            for violation in cast("list[object]", violations):
                yield str(mapping(violation).get("quotaId", ""))


@lru_cache(maxsize=1)
def _rows() -> tuple[Row, ...]:
    from google.genai import errors
    from google.genai._api_client import EphemeralTokenAPIKeyError

    return (
        (errors.ClientError, BadRequestError),  # where the status does not say it better
        (errors.ServerError, OverloadedError),
        (errors.APIError, OverloadedError),
        (errors.UnknownApiResponseError, MalformedResponseError),
        (errors.ContinuationInterruptedError, IncompleteStreamError),
        (EphemeralTokenAPIKeyError, AuthError),
        # The SDK calls functions by itself only where it is told to, which it is not here.
        (errors.UnknownFunctionCallArgumentError, InternalBackendError),
        (errors.UnsupportedFunctionError, InternalBackendError),
        (errors.FunctionInvocationError, InternalBackendError),
    )


GEMINI = Dialect(
    rows=_rows,
    codes=_CODES,
    decisive=_DECISIVE,
    describe=described_by_google,
    status=google_status,
    wait=retry_delay,
)
"""The Google Gen AI SDK's."""
