"""How the Anthropic SDK, and the servers that speak its protocol, say that something failed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from ..errors import (
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
from ..failures import Dialect, Row, described, status_code

_DECISIVE_CODES: Mapping[str, type[BackendError]] = {
    "billing_error": AuthError,
    "contract_spend_limit_reached": AuthError,
    "enforced_spend_limit_reached": AuthError,
    "linked_organization_billing_unavailable": AuthError,
    "linked_organization_spend_limit_reached": AuthError,
    "organization_on_hold": AuthError,
    "request_body_timeout": BackendTimeoutError,
}
"""Money that is used up comes as 429 or 400, too; asking again does not help."""

_CODES: Mapping[str, type[BackendError]] = {
    "api_error": OverloadedError,
    "authentication_error": AuthError,
    "conflict_error": OverloadedError,
    "invalid_request_error": BadRequestError,
    "not_found_error": BadRequestError,
    "overloaded_error": OverloadedError,
    "permission_error": AuthError,
    "rate_limit_error": RateLimitError,
    "request_too_large": BadRequestError,
    "timeout_error": BackendTimeoutError,
}
"""The types of an error: https://platform.claude.com/docs/en/api/errors."""


@lru_cache(maxsize=1)
def _rows() -> tuple[Row, ...]:
    import anthropic
    from anthropic.lib.credentials import WorkloadIdentityError

    return (
        (anthropic.APITimeoutError, BackendTimeoutError),
        (anthropic.APIConnectionError, BackendConnectionError),
        (anthropic.APIStatusError, BadRequestError),  # where the status does not say it better
        (anthropic.APIResponseValidationError, MalformedResponseError),
        (anthropic.APIWebhookValidationError, MalformedResponseError),
        (anthropic.APIError, OverloadedError),
        (anthropic.RetryableError, OverloadedError),
        (anthropic.CredentialsError, AuthError),
        (WorkloadIdentityError, AuthError),
        (anthropic.AnthropicError, InternalBackendError),
    )


def error_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error within a body, with the code that names its cause, where there is one."""
    error: object = body.get("error", body)
    if not isinstance(error, Mapping):
        return {"message": error} if isinstance(error, str) else {}
    said = cast("Mapping[str, Any]", error)
    details: object = said.get("details")
    if not isinstance(details, Mapping):
        return said
    return {"code": cast("Mapping[str, Any]", details).get("error_code"), **said}


def _in_stream(exc: Exception) -> bool:
    """Return whether an error came in a stream that had begun well."""
    status = status_code(exc)
    return status is not None and status < 300


def _describe(exc: Exception) -> Mapping[str, Any]:
    said = error_of(described(exc))
    if _in_stream(exc) and said.get("type") not in {*_CODES, *_DECISIVE_CODES}:
        return {**said, "type": "api_error"}  # a type of the future: the provider's own trouble
    return said


def _status(exc: Exception) -> int | None:
    return None if _in_stream(exc) else status_code(exc)


CLAUDE = Dialect(
    rows=_rows, codes=_CODES, decisive=_DECISIVE_CODES, describe=_describe, status=_status
)
"""The Anthropic SDK's."""
