"""The table from the Google Gen AI SDK's exceptions, and Google's own words, to ours."""

from __future__ import annotations

import inspect
import json
from types import ModuleType
from typing import Any

import httpx2
import pytest
from google.genai import _api_client, errors

from massgraph.backends.endpoint import Endpoint
from massgraph.backends.errors import BackendError, InternalBackendError, error_class
from massgraph.backends.failures import translate
from massgraph.backends.gemini.errors import GEMINI
from massgraph.backends.retry import RetryPolicy

from ..wire.reply import Reply
from ..wire.server import HttpError, LoopbackServer
from .gemini_calls import KEY, ask, open_backend

AT = Endpoint("http://127.0.0.1:9", KEY, "GOOGLE_API_KEY")
NEVER_RAISED = {
    "UnknownFunctionCallArgumentError",
    "UnsupportedFunctionError",
    "FunctionInvocationError",
}
"""Classes for functions that the SDK calls by itself, which it does not do here."""


def exceptions_of(module: ModuleType) -> set[type[Exception]]:
    """Return the exceptions that a module of the SDK defines; warnings are none."""
    return {
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and not issubclass(value, Warning)
        and value.__module__ == module.__name__
    }


SDK = exceptions_of(errors) | exceptions_of(_api_client)


def test_every_exception_has_a_row() -> None:
    """Every exception of the SDK and of its HTTP client is named, or is below one that is."""
    http = {getattr(httpx2, name) for name in httpx2.__all__}
    found = SDK | {x for x in http if inspect.isclass(x) and issubclass(x, Exception)}
    assert len(SDK) >= 9
    assert len(found) > 30
    assert {cls.__name__ for cls in found if GEMINI.mapped(cls) is None} == set()


def test_only_what_is_meant_for_it_is_internal() -> None:
    """A new class of the SDK is noticed here, and does not just become an internal error."""
    internal = {cls.__name__ for cls in SDK if GEMINI.mapped(cls) is InternalBackendError}
    assert internal == NEVER_RAISED


def test_no_row_is_hidden() -> None:
    """The most specific rows come first: none stands behind one that covers it."""
    above: list[type[BaseException]] = []
    for cls, _ in GEMINI.table():
        assert not issubclass(cls, tuple(above)), cls
        above.append(cls)


def body(code: int, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    """Return an error as Google words it."""
    error = {"code": code, "status": status, "message": "So it is.", "details": list(details)}
    return {"error": error}


def reason(name: str) -> dict[str, Any]:
    """Return a detail with a reason."""
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name}


def delay(seconds: str) -> dict[str, Any]:
    """Return a detail that asks to wait."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}


def quota(*ids: str) -> dict[str, Any]:
    """Return a detail that names limits."""
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": one} for one in ids],
    }


MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"

TABLE = [
    pytest.param(body(400, "INVALID_ARGUMENT"), "bad_request", None, id="invalid"),
    pytest.param(
        body(400, "INVALID_ARGUMENT", reason("API_KEY_INVALID")), "auth", None, id="wrong-key"
    ),
    pytest.param(body(400, "FAILED_PRECONDITION"), "auth", None, id="region-or-billing"),
    pytest.param(body(401, "UNAUTHENTICATED"), "auth", None, id="no-key"),
    pytest.param(
        body(403, "PERMISSION_DENIED", reason("SERVICE_DISABLED")), "auth", None, id="forbidden"
    ),
    pytest.param(body(404, "NOT_FOUND"), "bad_request", None, id="model"),
    pytest.param(body(413, "OUT_OF_RANGE"), "bad_request", None, id="too-long"),
    pytest.param(body(429, "RESOURCE_EXHAUSTED"), "rate_limit", None, id="too-many"),
    pytest.param(
        body(429, "RESOURCE_EXHAUSTED", quota(MINUTE), delay("22s")),
        "rate_limit",
        22,
        id="by-the-minute",
    ),
    pytest.param(
        body(429, "RESOURCE_EXHAUSTED", delay("0.513957s")), "rate_limit", 0.513957, id="fraction"
    ),
    pytest.param(body(429, "RESOURCE_EXHAUSTED", delay("soon")), "rate_limit", None, id="no-delay"),
    pytest.param(
        body(429, "RESOURCE_EXHAUSTED", quota(DAY), delay("22s")), "auth", 22, id="by-the-day"
    ),
    pytest.param(body(429, "RESOURCE_EXHAUSTED", quota(MINUTE, DAY)), "auth", None, id="by-both"),
    pytest.param(body(499, "CANCELLED"), "connection", None, id="cancelled"),
    pytest.param(body(500, "INTERNAL"), "overloaded", None, id="internal"),
    pytest.param(body(503, "UNAVAILABLE"), "overloaded", None, id="unavailable"),
    pytest.param(body(504, "DEADLINE_EXCEEDED"), "timeout", None, id="deadline"),
    pytest.param({"error": "no mapping"}, "overloaded", None, id="strange"),
]


@pytest.mark.parametrize(("said", "kind", "wait"), TABLE)
async def test_what_google_says(said: dict[str, Any], kind: str, wait: float | None) -> None:
    """Each refusal over HTTP becomes the right error, and the right decision about a retry."""
    error_body = said["error"]
    status = error_body["code"] if isinstance(error_body, dict) else 500
    with LoopbackServer([Reply(status=status, body=json.dumps(said).encode())]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await ask(backend)
        await backend.aclose()
        assert len(server.requests) == 1, "the SDK tried again by itself"
    assert caught.value.kind == kind
    assert caught.value.retry_after == wait
    retried = kind in ("rate_limit", "overloaded", "timeout", "connection")
    assert RetryPolicy().retries(caught.value) is retried


async def test_a_list_around_the_error() -> None:
    """Google sends an error in a list at times."""
    said = json.dumps([body(429, "RESOURCE_EXHAUSTED", delay("3s"))]).encode()
    with LoopbackServer([Reply(status=429, body=said)]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await ask(backend)
        await backend.aclose()
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limit", 3)


async def test_a_wrong_key_is_named() -> None:
    """The message says which setting is wrong, and does not show the key."""
    wrong = body(400, "INVALID_ARGUMENT", reason("API_KEY_INVALID"))
    wrong["error"]["message"] = f"API key not valid: {KEY}"
    with LoopbackServer([Reply(status=400, body=json.dumps(wrong).encode())]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await ask(backend)
        await backend.aclose()
    assert "does not accept the key in api_key" in str(caught.value)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_an_unknown_model_is_named() -> None:
    """The message holds Google's, which names the model."""
    said = HttpError(status=404, message="models/gemini-x is not found for API version v1beta.")
    with LoopbackServer([said]) as server:
        backend = open_backend(server, "gemini-x")
        with pytest.raises(BackendError, match=r"has no model 'gemini-x'.*is not found"):
            await ask(backend)
        await backend.aclose()


@pytest.mark.parametrize("status", [502, 404])
async def test_a_page_of_a_proxy(status: int) -> None:
    """What a proxy shows to browsers is left out."""
    with LoopbackServer([Reply(status=status, body=b"<html>Bad</html>")]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await ask(backend)
        await backend.aclose()
    assert "html" not in str(caught.value)


async def test_a_page_instead_of_a_stream() -> None:
    """A server that is something else is not asked again, and the setting is named."""
    with LoopbackServer([Reply(body=b"<html>Hello</html>")]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError, match="Is base_url right") as caught:
            await ask(backend)
        await backend.aclose()
    assert caught.value.kind == "bad_request"


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (errors.UnknownApiResponseError("x"), "malformed"),
        (errors.ContinuationInterruptedError("x"), "incomplete_stream"),
        (_api_client.EphemeralTokenAPIKeyError("x"), "auth"),
        (errors.APIError(302, {"message": "Found"}), "bad_request"),
        (errors.APIError(13, {"error": {"status": "INTERNAL"}}), "overloaded"),
        (errors.APIError(7, {"error": {"status": "PERMISSION_DENIED"}}), "auth"),
        (errors.ClientError(418, "tea"), "bad_request"),
        (errors.ServerError(529, {}), "overloaded"),
        (httpx2.ConnectError("x"), "connection"),
        (httpx2.ReadTimeout("x"), "timeout"),
    ],
)
def test_other_exceptions(exc: Exception, kind: Any) -> None:
    """What does not come over HTTP as it should becomes the right error, too."""
    assert type(translate(exc, AT, GEMINI)) is error_class(kind)
