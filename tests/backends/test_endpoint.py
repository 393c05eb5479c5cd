"""Where a provider's server is, and which key it gets."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from massgraph.backends.endpoint import Vendor, endpoint
from massgraph.backends.errors import MissingError, UserError
from massgraph.backends.vendors import OPENAI, VENDORS

ACME = Vendor(
    title="Anthropic",
    url="https://api.acme.example",
    host="api.acme.example",
    key_variables=("ACME_KEY", "ACME_OLD_KEY"),
    url_variable="ACME_URL",
    example="http://127.0.0.1:8000",
    shares_key=True,
)
LOCAL = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a machine happens to hold decides."""
    for name in ("ACME_KEY", "ACME_OLD_KEY", "ACME_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_first_variable_that_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's keys have several names; the first one wins, and its name is kept."""
    monkeypatch.setenv("ACME_OLD_KEY", "old-key")
    assert endpoint(ACME, None, None, None).key_source == "ACME_OLD_KEY"
    monkeypatch.setenv("ACME_KEY", "new-key")
    at = endpoint(ACME, None, None, None)
    assert (at.key, at.key_source, at.url) == ("new-key", "ACME_KEY", "https://api.acme.example")
    assert at.is_own


def test_a_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the provider's SDK replaces its URL; `base_url` wins over it."""
    monkeypatch.setenv("ACME_URL", f"{LOCAL}/ ")
    assert endpoint(ACME, None, "my-key", None).url == LOCAL
    assert endpoint(ACME, "http://127.0.0.1:7", "my-key", None).url == "http://127.0.0.1:7"
    assert not endpoint(ACME, None, "my-key", None).is_own


def test_a_missing_key_names_all_variables() -> None:
    """Without a key, the line says what to set."""
    with pytest.raises(MissingError) as caught:
        endpoint(ACME, None, None, None)
    assert str(caught.value) == (
        "Anthropic needs a key. Set the environment variable ACME_KEY or ACME_OLD_KEY."
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("${ACME_KEY}", "is a placeholder, which nobody fills in"),
        ("{{ key }}", "is a placeholder"),
        ('"sk-ant-123456"', "has quotes around it"),
        ("'sk-ant-123456'", "has quotes around it"),
    ],
)
def test_a_key_that_is_none(key: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to be filled in, or holds quotes of a shell, is refused, and not repeated."""
    monkeypatch.setenv("ACME_KEY", key)
    for url, given in ((None, None), (LOCAL, key)):
        with pytest.raises(UserError, match=said) as caught:
            endpoint(ACME, url, given, None)
        assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "whose"),
    [("sk-proj-1234567", "OpenAI"), ("xai-123456789", "xAI"), ("AIzaSy12345", "Google")],
)
def test_a_key_of_another_provider(key: str, whose: str) -> None:
    """A key that is plainly another provider's is refused before it is sent, and not shown."""
    with pytest.raises(UserError) as caught:
        endpoint(ACME, None, key, None)
    assert str(caught.value) == f"The key in api_key is one of {whose}, not of Anthropic."
    assert endpoint(ACME, LOCAL, key, None).key == key, "a gateway has keys of its own"
    assert endpoint(ACME, None, "sk-ant-123456", None).key == "sk-ant-123456"


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9", "ftp://x", "http://", "http://a b", "http://[x"]
)
def test_a_base_url_that_is_none(url: str) -> None:
    """What is no URL is refused at once, with one that is as an example."""
    with pytest.raises(
        UserError, match=r"base_url is not .* Write it like http://127.0.0.1:8000\."
    ):
        endpoint(ACME, url, "my-key", None)


def test_nothing_secret_is_shown() -> None:
    """Neither the key nor a password is in what is printed of an endpoint."""
    at = endpoint(ACME, "https://me:hunter22@gate.example/v1", "my-secret", None, {"x": "other99"})
    assert at.shown == "https://gate.example/v1"
    assert repr(at) == "Endpoint(url='https://gate.example/v1', key_source='api_key')"
    assert at.redact("my-secret hunter22 other99") == "[redacted] [redacted] [redacted]"


def test_a_variable_is_named_where_its_url_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that nobody has written into the config is told by its variable."""
    monkeypatch.setenv("ACME_URL", "api.acme.example")
    with pytest.raises(UserError, match=r"^ACME_URL is not an http\(s\) URL\."):
        endpoint(ACME, None, "my-key", None)
    monkeypatch.setenv("ACME_URL", LOCAL)
    assert endpoint(ACME, None, "my-key", None).url_source == "ACME_URL"
    assert endpoint(ACME, LOCAL, "my-key", None).url_source == "base_url"


@pytest.mark.parametrize(("end", "part"), [("?key=hunter22", "query"), ("#hunter22", "fragment")])
def test_a_url_with_more_than_a_path(end: str, part: str) -> None:
    """A query or a fragment would not be sent; it is not repeated, as it may hold a key."""
    with pytest.raises(UserError, match=f"^base_url must have no {part}\\.") as caught:
        endpoint(ACME, LOCAL + end, "my-key", None)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "/", "/v1/v1", "/v1/responses", "/v2"])
def test_the_path_of_a_providers_own_host(path: str) -> None:
    """Where a provider's own path is known, another one is refused."""
    with pytest.raises(UserError) as caught:
        endpoint(OPENAI, f"https://api.openai.com{path}", "my-key", None)
    assert str(caught.value) == (
        "base_url must end in /v1 for OpenAI. Write it as https://api.openai.com/v1."
    )
    assert endpoint(OPENAI, f"https://gate.example{path}", "my-key", None).key == "my-key"


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X-Ä", "X\n"])
def test_a_header_without_a_right_name(name: str) -> None:
    """A name is a token, as HTTP has it; what is none is not repeated."""
    with pytest.raises(UserError) as caught:
        endpoint(ACME, LOCAL, "my-key", None, {name: "hunter22"})
    assert str(caught.value) == "extra_headers: a name holds characters that cannot be sent."


def test_a_header_that_is_no_text() -> None:
    """A number is no header."""
    wrong: dict[str, Any] = {"X-A": 7}
    with pytest.raises(UserError, match=r"^extra_headers: the value of X-A must be text\."):
        endpoint(ACME, LOCAL, "my-key", None, wrong)


def test_a_header_is_sent_as_it_is() -> None:
    """Spaces and tabs within a value stay, those around it are no part of it."""
    at = endpoint(ACME, LOCAL, "my-key", None, {"X-A": "\t a \t~! "})
    assert dict(at.extra_headers) == {"X-A": "a \t~!"}


@pytest.mark.parametrize("key", ["gsk_VerySecret123", "AIzaVerySecret", "AIZAVERYSECRET" * 4])
def test_a_key_for_the_name_of_a_variable(key: str) -> None:
    """It is not repeated."""
    with pytest.raises(MissingError) as caught:
        endpoint(ACME, None, None, key)
    assert str(caught.value) == ("The environment variable that it names (api_key_env) is not set.")


def test_the_name_of_a_variable_is_shown() -> None:
    """A name that is one is told."""
    with pytest.raises(MissingError, match=r"variable ACME_KEY_2 \(api_key_env\) is not set"):
        endpoint(ACME, None, None, "ACME_KEY_2")


def test_each_form_of_a_secret_is_struck_out() -> None:
    """A secret is found as code, JSON and URLs quote it, and without its scheme."""
    key, header = "se'c\"r\\et/+1", "Bearer b2&7=x y"
    at = endpoint(ACME, "https://me%20you:p%40ss@gate.example", key, None, {"X-A": header})
    forms = [repr(key), repr(key.encode()), json.dumps(key), quote(key), quote(key, safe="")]
    forms += [header, "b2&7=x y", quote(header), quote_plus(header), json.dumps(header)]
    forms += ["p@ss", "p%40ss", "me you"]
    for form in forms:
        struck = at.redact(f"It said {form}.")
        assert "[redacted]" in struck, form
        assert not any(part in struck for part in ("et/", "et%2F", "b2", "p@", "p%", "me")), struck


def test_what_looks_like_anybodys_key_is_struck_out() -> None:
    """A server may repeat a key that its own backend never had: another agent's."""
    at = endpoint(ACME, LOCAL, "mine-0123456789", None)
    said = at.redact("No xai-ABCDEFGH1234 here, nor mine-0123456789: a risk-assessment.")
    assert said == "No [redacted] here, nor [redacted]: a risk-assessment."


def test_a_providers_own_host_is_named() -> None:
    """In messages, the provider's name stands with its own host, and with no other."""
    assert endpoint(OPENAI, None, "my-key", None).named == "OpenAI (https://api.openai.com/v1)"
    assert endpoint(OPENAI, LOCAL, "my-key", None).named == LOCAL


def test_each_address_has_one_provider() -> None:
    """No two providers share a variable, and each owns its own URL."""
    urls = [vendor.url_variable for vendor in VENDORS]
    keys = [name for vendor in VENDORS for name in vendor.key_variables]
    assert len(set(urls)) == len(VENDORS)
    assert len(set(keys)) == len(keys)
    assert all(vendor.owns(vendor.url) for vendor in VENDORS)
