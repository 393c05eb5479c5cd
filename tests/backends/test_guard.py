"""The switch that forbids requests to real providers."""

from __future__ import annotations

import threading

import pytest

from massgraph.backends import guard
from massgraph.backends.errors import UserError
from massgraph.backends.guard import (
    ENV_FORBID,
    check_request_allowed,
    forbid_real_requests,
    is_loopback,
)

REAL = "https://api.openai.com/v1"


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with requests allowed: nothing here sends any."""
    monkeypatch.setattr(guard, "_forbidden", 0)
    monkeypatch.delenv(ENV_FORBID, raising=False)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.9.1", True),
        ("http://localhost:1/v1", True),
        ("http://[::1]:8000/v1", True),
        (REAL, False),
        ("http://10.0.0.1/v1", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://127.0.0.1@example.org/v1", False),
        ("not a url", False),
    ],
)
def test_this_machine(url: str, here: bool) -> None:
    """This machine is told from all others, whatever a URL looks like."""
    assert is_loopback(url) is here


def test_allowed_by_default() -> None:
    """Without the switch, nothing is refused."""
    check_request_allowed(REAL)


def test_forbidden_in_the_block() -> None:
    """Inside the block real requests are refused, this machine is not; blocks may be nested."""
    with forbid_real_requests():
        with forbid_real_requests():
            pass
        with pytest.raises(UserError, match=r"api\.openai\.com' are forbidden"):
            check_request_allowed(REAL)
        check_request_allowed("http://127.0.0.1:8000/v1")
    check_request_allowed(REAL)


def test_an_exception_ends_the_block() -> None:
    """The switch goes back also when the block fails."""
    with pytest.raises(KeyError), forbid_real_requests():
        raise KeyError
    check_request_allowed(REAL)


def test_threads_are_covered() -> None:
    """A worker thread is held back by the switch, too."""
    caught: list[UserError] = []

    def work() -> None:
        try:
            check_request_allowed(REAL)
        except UserError as error:
            caught.append(error)

    with forbid_real_requests():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("value", "forbidden"),
    [("1", True), ("yes", True), ("0", False), ("false", False), ("", False)],
)
def test_by_environment(monkeypatch: pytest.MonkeyPatch, value: str, forbidden: bool) -> None:
    """The variable forbids real requests in a whole process."""
    monkeypatch.setenv(ENV_FORBID, value)
    if forbidden:
        with pytest.raises(UserError, match=ENV_FORBID):
            check_request_allowed(REAL)
    else:
        check_request_allowed(REAL)
