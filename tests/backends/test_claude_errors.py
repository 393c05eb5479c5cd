"""The table from the Anthropic SDK's exceptions to ours."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from typing import Any

import anthropic
import anthropic.types
import httpx2
import pytest
from anthropic import _error_classes, _exceptions

from massgraph.backends.claude.errors import CLAUDE, error_of
from massgraph.backends.endpoint import Endpoint
from massgraph.backends.errors import (
    AuthError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    InternalBackendError,
    OverloadedError,
    RateLimitError,
)
from massgraph.backends.failures import frame_error, translate

AT = Endpoint("http://127.0.0.1:9", key="sk-ant-secret", key_source="api_key")
REQUEST = httpx2.Request("POST", AT.url)


def error_modules() -> list[Any]:
    """Return every module of the SDK that may define an error of the API, and its main ones."""
    names = [
        module.name
        for module in pkgutil.walk_packages(anthropic.types.__path__, "anthropic.types.")
        if module.name.endswith("_error") and ".beta." not in module.name
    ]
    return [anthropic, _exceptions, _error_classes, *map(importlib.import_module, names)]


def exceptions() -> set[type[Exception]]:
    """Return the exceptions of the SDK, those that it does not export included."""
    found: list[Any] = [value for module in error_modules() for value in vars(module).values()]
    found += _error_classes.ERROR_CLASSES.values()
    return {
        value
        for value in found
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__.startswith("anthropic")
    }


SDK = exceptions()


def said(status: int, kind: str, code: str | None = None, **headers: str) -> BackendError:
    """Return what an error of the API becomes, as the SDK raises it."""
    error: dict[str, Any] = {"type": kind, "message": "It went wrong."}
    if code is not None:
        error["details"] = {"error_code": code}
    body = {"type": "error", "error": error, "request_id": "req_1"}
    response = httpx2.Response(status, request=REQUEST, headers=headers)
    exc = _error_classes.make_status_error(json.dumps(body), body=body, response=response)
    return translate(exc, AT, CLAUDE)


def test_every_exception_has_a_row() -> None:
    """Every exception that the SDK defines is named, or is below one that is."""
    assert len(SDK) > 110
    assert {cls.__name__ for cls in SDK if CLAUDE.mapped(cls) is None} == set()


def test_only_what_is_meant_for_it_reaches_the_last_row() -> None:
    """A new class of the SDK is noticed here, and does not just become an internal error."""
    internal = {cls.__name__ for cls in SDK if CLAUDE.mapped(cls) is InternalBackendError}
    assert internal == {"AnthropicError"}


def test_no_row_is_hidden() -> None:
    """The most specific rows come first: none stands behind one that covers it."""
    above: list[type[BaseException]] = []
    for cls, _ in CLAUDE.table():
        assert not issubclass(cls, tuple(above)), cls
        above.append(cls)


@pytest.mark.parametrize("key", list(_error_classes.ERROR_CLASSES), ids=str)
def test_every_status_class_fits_its_status(key: tuple[int, str | None]) -> None:
    """An error that the SDK has a class for keeps its status, and is never our own fault."""
    status, code = key
    error = said(status, "invalid_request_error", code)
    assert error.status == status
    assert type(error) is not InternalBackendError
    assert "It went wrong." in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "code", "ours"),
    [
        (400, "invalid_request_error", None, BadRequestError),
        (401, "authentication_error", None, AuthError),
        (402, "billing_error", None, AuthError),
        (400, "billing_error", None, AuthError),
        (400, "invalid_request_error", "organization_on_hold", AuthError),
        (400, "invalid_request_error", "request_body_timeout", BackendTimeoutError),
        (403, "permission_error", None, AuthError),
        (404, "not_found_error", None, BadRequestError),
        (408, "timeout_error", None, BackendTimeoutError),
        (413, "request_too_large", None, BadRequestError),
        (429, "rate_limit_error", None, RateLimitError),
        (429, "rate_limit_error", "ramp_limit_exceeded", RateLimitError),
        (429, "rate_limit_error", "enforced_spend_limit_reached", AuthError),
        (429, "rate_limit_error", "contract_spend_limit_reached", AuthError),
        (500, "api_error", None, OverloadedError),
        (504, "timeout_error", None, OverloadedError),
        (529, "overloaded_error", None, OverloadedError),
    ],
)
def test_statuses(status: int, kind: str, code: str | None, ours: type[BackendError]) -> None:
    """A status is told by its class; money that is used up is not asked for again."""
    assert type(said(status, kind, code)) is ours


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("overloaded_error", OverloadedError),
        ("api_error", OverloadedError),
        ("rate_limit_error", RateLimitError),
        ("timeout_error", BackendTimeoutError),
        ("invalid_request_error", BadRequestError),
        ("request_too_large", BadRequestError),
        ("not_found_error", BadRequestError),
        ("authentication_error", AuthError),
        ("permission_error", AuthError),
        ("billing_error", AuthError),
        ("something_new", OverloadedError),
    ],
)
def test_errors_in_a_stream(kind: str, ours: type[BackendError]) -> None:
    """An error in a stream has the status 200: its type says what it is, raised or as a frame."""
    raised = said(200, kind)
    assert (type(raised), raised.status) == (ours, None)
    frame = error_of({"type": "error", "error": {"type": kind, "message": "Oh."}})
    error = frame_error(frame, AT, CLAUDE)
    assert type(error) is ours
    assert "Oh." in str(error)


def test_a_wait_is_read() -> None:
    """The seconds that the server asks to wait are kept."""
    assert said(429, "rate_limit_error", **{"retry-after": "7"}).retry_after == 7


@pytest.mark.parametrize("body", ["<html>502</html>", {"error": "no mapping"}, {"error": None}, []])
def test_bodies_of_any_shape(body: Any) -> None:
    """What a proxy sends instead of the API's body does no harm."""
    response = httpx2.Response(502, request=REQUEST)
    exc = anthropic.InternalServerError("Bad gateway", response=response, body=body)
    assert type(translate(exc, AT, CLAUDE)) is OverloadedError


def test_a_key_in_an_error_is_struck_out() -> None:
    """A server that repeats the key is not repeated."""
    response = httpx2.Response(401, request=REQUEST)
    body = {"error": {"type": "authentication_error", "message": "bad key sk-ant-secret"}}
    exc = anthropic.AuthenticationError("bad key sk-ant-secret", response=response, body=body)
    error = translate(exc, AT, CLAUDE)
    assert "sk-ant-secret" not in str(error)
    assert error.__cause__ is None
    assert "the key in api_key" in str(error)
