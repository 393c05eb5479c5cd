"""Where a provider's server is, and which key it gets."""

from __future__ import annotations

import pytest

from massgraph.backends.endpoint import Vendor, endpoint
from massgraph.backends.errors import MissingError, UserError

ACME = Vendor(
    title="Anthropic",
    url="https://api.acme.example",
    host="api.acme.example",
    key_variables=("ACME_KEY", "ACME_OLD_KEY"),
    url_variable="ACME_URL",
    example="http://127.0.0.1:8000",
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
    "url", ["", "127.0.0.1:9", "ftp://x", "http://", "http://a b", "http://x?q"]
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
