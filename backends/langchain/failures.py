"""How LangChain's integrations, and the SDKs below them, say that something failed.

Which SDK a model calls is not known before it fails. Its errors are told by their classes' names,
in the modules that are loaded by then; no SDK is imported for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from ..errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    RefusedError,
)
from ..failures import Dialect, Row, described, status_code

_NAMES: tuple[tuple[str, str, type[BackendError]], ...] = (
    ("langchain_core.exceptions", "ContextOverflowError", BadRequestError),
    ("langchain_core.exceptions", "OutputParserException", MalformedResponseError),
    *(
        row
        for sdk in ("openai", "anthropic", "groq")
        for row in (
            (sdk, "APITimeoutError", BackendTimeoutError),
            (sdk, "APIConnectionError", BackendConnectionError),
            (sdk, "APIStatusError", BadRequestError),
            (sdk, "APIResponseValidationError", MalformedResponseError),
            (sdk, "ContentFilterFinishReasonError", RefusedError),
            (sdk, "APIError", OverloadedError),
        )
    ),
    ("google.genai.errors", "ServerError", OverloadedError),
    ("google.genai.errors", "ClientError", BadRequestError),
    ("httpx", "TimeoutException", BackendTimeoutError),
    ("httpx", "UnsupportedProtocol", BadRequestError),
    ("httpx", "HTTPError", BackendConnectionError),
    ("requests", "Timeout", BackendTimeoutError),
    ("requests", "ConnectionError", BackendConnectionError),
    ("aiohttp", "ServerTimeoutError", BackendTimeoutError),
    ("aiohttp", "ClientConnectionError", BackendConnectionError),
    ("json", "JSONDecodeError", MalformedResponseError),
    ("pydantic", "ValidationError", MalformedResponseError),
    ("builtins", "UnicodeError", MalformedResponseError),
    ("builtins", "ValueError", BadRequestError),  # what an integration finds wrong with a call
)
"""Module, class, and what it becomes; most specific first."""

_CODES: dict[str, type[BackendError]] = {
    "authentication_error": AuthError,
    "permission_error": AuthError,
    "invalid_api_key": AuthError,
    "billing_error": AuthError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "overloaded_error": OverloadedError,
    "server_error": OverloadedError,
    "timeout_error": BackendTimeoutError,
    "invalid_request_error": BadRequestError,
    "not_found_error": BadRequestError,
    "context_length_exceeded": BadRequestError,
}
_DECISIVE: dict[str, type[BackendError]] = {
    "insufficient_quota": AuthError,
    "billing_hard_limit_reached": AuthError,
    "content_filter": RefusedError,
    "content_policy_violation": RefusedError,
}
_SAID = re.compile(r"(?:code='|^)([a-z_]+)(?:'.*?message='|: )([^']*)")
"""How an error looks that an integration has made a text of."""


def _rows() -> tuple[Row, ...]:
    return tuple(_loaded())


def _loaded() -> Iterator[Row]:
    for module, name, ours in _NAMES:
        theirs = getattr(sys.modules.get(module), name, None)
        if isinstance(theirs, type):
            yield theirs, ours


def _described(exc: Exception) -> dict[str, object]:
    """Return the error that the server described: Anthropic's stands within the body."""
    body = dict(described(exc))
    if not body and (found := _SAID.search(str(exc))):  # OpenAI's Responses: a ValueError
        return {"code": found[1], "message": found[2] or ""}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body  # pyright: ignore[reportUnknownVariableType]


def _status(exc: Exception) -> int | None:
    """Return the HTTP status, of the exception or of the response that it holds."""
    places = (exc, getattr(exc, "response", None))
    codes = (getattr(place, name, None) for place in places for name in ("status_code", "code"))
    return status_code(exc) or next(
        (code for code in codes if isinstance(code, int) and 100 <= code < 600), None
    )


LANGCHAIN = Dialect(
    rows=_rows, codes=_CODES, decisive=_DECISIVE, describe=_described, status=_status
)
"""That of all of them."""
