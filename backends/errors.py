"""Every error that massgraph raises, as one tree.

    MassgraphError
    ├── UserError                     your mistake; raised before the first call
    │   └── MissingError              a key, an extra or a file is not in place
    ├── RunError                      a run could not go on, or has no answer to give
    │   └── StoreError                what keeps threads cannot be reached, or is damaged
    ├── RecordError                   a record of a run cannot be written, or is damaged
    └── BackendError                  a provider failed           kind               retried
        ├── AuthError                 wrong or missing key        auth               no
        ├── RateLimitError            too many requests           rate_limit         yes
        ├── OverloadedError           the provider is overloaded  overloaded         yes
        ├── BackendTimeoutError       silent or slow for too long timeout            yes
        ├── BadRequestError           the request is not accepted bad_request        no
        ├── BackendConnectionError    not reachable, or cut off   connection         yes
        ├── IncompleteStreamError     ended without its marker    incomplete_stream  yes
        ├── MalformedResponseError    not what the wire promises  malformed          yes
        ├── RefusedError              the provider declines       refused            no
        └── InternalBackendError      the adapter itself broke    internal           no

The kinds are what a result's `failures` and the events call an error.
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

BackendErrorKind = Literal[
    "auth",
    "rate_limit",
    "overloaded",
    "timeout",
    "bad_request",
    "connection",
    "incomplete_stream",
    "malformed",
    "refused",
    "internal",
]


class MassgraphError(Exception):
    """Anything that massgraph raises on purpose."""


class UserError(MassgraphError):
    """A mistake in a definition or a call, known before anything is sent.

    Args:
        message: One line that says what is wrong.
        hint: What to do about it, when that is known.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.hint = hint


class MissingError(UserError):
    """What a definition needs is not in place on this machine: a key, an extra or a file."""


class RunError(MassgraphError):
    """A run that could not go on, or that has no answer to give."""


class StoreError(RunError):
    """What keeps threads cannot be reached, written or read, or is not what was written."""


class RecordError(MassgraphError):
    """A record of a run cannot be written, or is not what was written; the run itself goes on."""


class BackendError(MassgraphError):
    """A provider failed.

    Args:
        message: What happened, in one line, without secrets.
        retry_after: Seconds the provider asked to wait, when it did.
        status: The HTTP status, when there was one.
    """

    kind: ClassVar[BackendErrorKind] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class AuthError(BackendError):
    """The key is missing, wrong, or not allowed to do this."""

    kind = "auth"


class RateLimitError(BackendError):
    """Too many requests, or too many tokens, in too short a time."""

    kind = "rate_limit"
    retryable = True


class OverloadedError(BackendError):
    """The provider cannot serve the request at present."""

    kind = "overloaded"
    retryable = True


class BackendTimeoutError(BackendError):
    """The provider was silent, or took longer than allowed."""

    kind = "timeout"
    retryable = True


class BadRequestError(BackendError):
    """The provider does not accept the request as it stands."""

    kind = "bad_request"


class BackendConnectionError(BackendError):
    """The provider cannot be reached, or cut the connection."""

    kind = "connection"
    retryable = True


class IncompleteStreamError(BackendError):
    """The stream ended without its provider's terminal marker."""

    kind = "incomplete_stream"
    retryable = True


class MalformedResponseError(BackendError):
    """The provider sent something that its own protocol does not allow."""

    kind = "malformed"
    retryable = True


class RefusedError(BackendError):
    """The provider declined to answer."""

    kind = "refused"


class InternalBackendError(BackendError):
    """The adapter itself broke; the original exception is its cause."""

    kind = "internal"


_CLASSES: dict[BackendErrorKind, type[BackendError]] = {
    cls.kind: cls
    for cls in (
        AuthError,
        RateLimitError,
        OverloadedError,
        BackendTimeoutError,
        BadRequestError,
        BackendConnectionError,
        IncompleteStreamError,
        MalformedResponseError,
        RefusedError,
        InternalBackendError,
    )
}
assert set(_CLASSES) == set(get_args(BackendErrorKind))


def error_class(kind: BackendErrorKind) -> type[BackendError]:
    """Return the error class of a kind."""
    return _CLASSES[kind]


def as_backend_error(exc: Exception) -> BackendError:
    """Return the exception as a BackendError, with the original as its cause."""
    if isinstance(exc, BackendError):
        return exc
    error = InternalBackendError(f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__)
    error.__cause__ = exc
    return error
