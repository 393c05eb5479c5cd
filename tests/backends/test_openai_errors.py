"""The table from the SDK's exceptions to ours."""

from __future__ import annotations

import inspect
import json
import socket
import ssl
from types import ModuleType

import httpx2
import openai
import pytest
from openai import _exceptions

from massgraph.backends.endpoint import Endpoint, Vendor
from massgraph.backends.errors import BackendError, InternalBackendError
from massgraph.backends.failures import retry_after, translate
from massgraph.backends.openai_sdk.errors import OPENAI
from massgraph.backends.vendors import ANTHROPIC, COMPATIBLE

AT = Endpoint("http://127.0.0.1:9/v1")
NOT_EXPORTED = {"SubjectTokenProviderError"}
"""Classes of the SDK that the row of its base class is meant for."""


def exceptions_of(module: ModuleType, ending: str = "") -> set[type[Exception]]:
    """Return the exceptions that a module exports, of those names that end so."""
    exported = (getattr(module, name) for name in module.__all__ if name.endswith(ending))
    return {value for value in exported if inspect.isclass(value) and issubclass(value, Exception)}


SDK = exceptions_of(openai, "Error") | {
    value
    for value in vars(_exceptions).values()
    if inspect.isclass(value) and issubclass(value, Exception) and "openai" in value.__module__
}
"""The exceptions of the SDK, those that it does not export included."""


def test_every_exception_has_a_row() -> None:
    """Every exception of the SDK and of its HTTP client is named, or is below one that is."""
    found = SDK | exceptions_of(httpx2)
    assert len(found) > 40
    assert {cls.__name__ for cls in found if OPENAI.mapped(cls) is None} == set()


def test_only_what_is_meant_for_it_reaches_the_last_row() -> None:
    """A new class of the SDK is noticed here, and does not just become an internal error."""
    internal = {cls for cls in SDK if OPENAI.mapped(cls) is InternalBackendError}
    assert {cls.__name__ for cls in internal} - NOT_EXPORTED == {"OpenAIError"}


@pytest.mark.parametrize("cls", [httpx2.TransportError, json.JSONDecodeError, UnicodeDecodeError])
def test_what_is_not_the_sdk_has_a_row(cls: type[Exception]) -> None:
    """What may pass through the SDK as it is has a row, too."""
    assert OPENAI.mapped(cls) is not None


def test_no_row_is_hidden() -> None:
    """The most specific rows come first: none stands behind one that covers it."""
    above: list[type[BaseException]] = []
    for cls, _ in OPENAI.table():
        assert not issubclass(cls, tuple(above)), cls
        above.append(cls)


def test_every_status_class_fits_its_status() -> None:
    """An error with a status becomes what its status says, whatever its class."""
    for cls in SDK:
        status = getattr(cls, "status_code", None)
        if isinstance(status, int) and issubclass(cls, openai.APIStatusError):
            response = httpx2.Response(status, request=httpx2.Request("POST", AT.url))
            words = () if cls is openai.OAuthError else ("x",)
            error = translate(cls(*words, response=response, body=None), AT, OPENAI)
            assert error.status == status
            assert type(error) is not InternalBackendError


def test_an_unknown_exception_is_internal() -> None:
    """What nobody has named is our own fault, and keeps its cause."""
    oops = KeyError("x")
    error = translate(oops, AT, OPENAI)
    assert type(error) is InternalBackendError
    assert error.__cause__ is oops


def test_our_own_errors_stay_as_they_are() -> None:
    """An error that is ours already is not wrapped."""
    ours = BackendError("x")
    assert translate(ours, AT, OPENAI) is ours


def test_long_words_are_cut() -> None:
    """A server's words are cut where they get long, and stand on one line."""
    response = httpx2.Response(500, request=httpx2.Request("POST", AT.url))
    body = {"message": "so\nmany words " * 500}
    error = translate(openai.InternalServerError("x", response=response, body=body), AT, OPENAI)
    assert len(str(error)) < 300
    assert "\n" not in str(error)


def test_a_page_is_left_out() -> None:
    """What a proxy shows to browsers says nothing in a line of text."""
    response = httpx2.Response(502, request=httpx2.Request("POST", AT.url))
    page = "\n<html><head><title>502 Bad Gateway</title></head></html>"
    error = translate(openai.InternalServerError(page, response=response, body=page), AT, OPENAI)
    assert str(error).endswith("(HTTP 502).")
    response = httpx2.Response(404, request=httpx2.Request("POST", AT.url))
    error = translate(openai.NotFoundError(page, response=response, body=page), AT, OPENAI)
    assert "html" not in str(error)


def test_retry_after_as_a_date() -> None:
    """A date counts from now, and never backwards."""
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert retry_after(headers, now=1792567680.0 - 30) == 30
    assert retry_after(headers, now=1792567680.0 + 30) == 0


def test_words_for_a_connection() -> None:
    """An unknown host and a failed TLS handshake are told apart from a server that is down."""
    request = httpx2.Request("POST", AT.url)

    def said(cause: Exception) -> str:
        error = openai.APIConnectionError(request=request)
        error.__cause__ = httpx2.ConnectError("x")
        error.__cause__.__cause__ = cause
        return str(translate(error, AT, OPENAI))

    assert "is not known" in said(socket.gaierror(-2, "Name or service not known"))
    assert "No secure connection" in said(ssl.SSLError(1, "certificate verify failed"))
    assert "Is it running?" in said(ConnectionRefusedError(111, "refused"))
    assert "No connection" in str(translate(httpx2.ConnectTimeout("x"), AT, OPENAI))
    elsewhere = Endpoint("http://h", url_source="OPENAI_BASE_URL")
    assert "No connection to http://h (OPENAI_BASE_URL) in time" in str(
        translate(httpx2.ConnectTimeout("x"), elsewhere, OPENAI)
    )


def not_found(
    url: str, words: str = "No.", vendor: Vendor = COMPATIBLE, source: str = "base_url"
) -> str:
    """Return what is said of a 404."""
    response = httpx2.Response(404, request=httpx2.Request("POST", AT.url))
    at = Endpoint(url, vendor=vendor, url_source=source)
    exc = openai.NotFoundError("Error code: 404", response=response, body={"message": words})
    return str(translate(exc, at, OPENAI, model="gpt-5.4"))


def test_words_for_what_is_not_there() -> None:
    """A 404 names the model, and asks about the URL where that may be wrong."""
    said = "http://h/v1 has no model 'gpt-5.4', or base_url is wrong (HTTP 404): No."
    assert not_found("http://h/v1") == said
    assert not_found("http://h").endswith("(HTTP 404): No. Should base_url end in /v1?")
    assert not_found("http://h", "").endswith("(HTTP 404): Should base_url end in /v1?")
    assert not_found("http://h", "<p>No").endswith("(HTTP 404): Should base_url end in /v1?")
    assert not_found("http://h", "Gone").endswith("Gone. Should base_url end in /v1?")
    assert not_found("http://h/v1/v1").endswith("No. base_url has /v1 twice.")
    assert not_found("http://h", vendor=ANTHROPIC).endswith("(HTTP 404): No.")
    assert not_found("https://api.openai.com/v1") == (
        "OpenAI (https://api.openai.com/v1) has no model 'gpt-5.4' (HTTP 404): No."
    )
    assert not_found("http://h", source="OPENAI_BASE_URL").endswith(
        "or OPENAI_BASE_URL is wrong (HTTP 404): No. Should OPENAI_BASE_URL end in /v1?"
    )


def test_words_of_a_strange_body() -> None:
    """What is no error as OpenAI has it is told as it is, without what is told already."""
    response = httpx2.Response(400, request=httpx2.Request("POST", AT.url))
    words = "Error code: 400 - {'oops': 'too hot'}"
    exc = openai.BadRequestError(words, response=response, body={"oops": "too hot"})
    assert str(translate(exc, AT, OPENAI)) == (
        "http://127.0.0.1:9/v1 does not accept the request (HTTP 400): {'oops': 'too hot'}"
    )


def test_words_for_a_redirect() -> None:
    """It says what to look at, and nothing of the SDK's own."""
    response = httpx2.Response(307, request=httpx2.Request("POST", AT.url))
    exc = openai.APIStatusError("Error code: 307", response=response, body=None)
    assert str(translate(exc, AT, OPENAI)) == (
        "http://127.0.0.1:9/v1 sends requests elsewhere, so base_url is wrong (HTTP 307)."
    )
