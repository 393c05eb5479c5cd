"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from massgraph.backends.guard import forbid_real_requests
from massgraph.nodes.rules import registry

# An example may take as long as it does: other programs run beside the tests.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session", autouse=True)
def no_real_requests() -> Iterator[None]:
    """Refuse every request to a provider that is not on this machine."""
    with forbid_real_requests():
        yield


@pytest.fixture(autouse=True)
def no_rule_stays() -> Iterator[None]:
    """Forget the rules that a test has registered."""
    known = dict(registry._rules)
    yield
    registry._rules.clear()
    registry._rules.update(known)


def pytest_configure() -> None:
    """Hear Ctrl-C, whoever started the tests: a shell's background job is started deaf to it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
