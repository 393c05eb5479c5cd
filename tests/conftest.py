"""What holds for every test."""

from __future__ import annotations

import gc
import os
import signal
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

# Before LangGraph is imported, which reads it once: checkpoints hold plain types alone. What a
# test starts in a process of its own has it, too.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

import certifi
import platformdirs
import pytest
from hypothesis import HealthCheck, settings

from massgraph.backends.guard import forbid_real_requests
from massgraph.nodes.rules import registry
from tests.remembered import types_read_once
from tests.simulation.fast import quick_building

# An example may take as long as it does: other programs run beside the tests.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_END = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session", autouse=True)
def no_real_requests() -> Iterator[None]:
    """Refuse every request to a provider that is not on this machine."""
    with forbid_real_requests():
        yield


@pytest.fixture(scope="session", autouse=True)
def a_home_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep threads and runs where nobody else's are, in this process and in those it starts."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        assert platformdirs.user_state_path("massgraph").is_relative_to(folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one authority instead of all: to read those takes 40 ms each time, and no test asks."""
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(_END)
    path = tmp_path_factory.mktemp("tls") / "one.pem"
    path.write_text(first + end, encoding="utf-8")
    assert len(ssl.create_default_context(cafile=str(path)).get_ca_certs()) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def graphs_built_quickly() -> Iterator[None]:
    """Let LangGraph read each function and each type once.

    To build graphs is half of what short runs take. Functions and types do not change, and what
    is built of them stays what it was.
    """
    with quick_building(), types_read_once():
        yield


@pytest.fixture(autouse=True)
def no_rule_stays() -> Iterator[None]:
    """Forget the rules that a test has registered."""
    known = dict(registry._rules)
    yield
    registry._rules.clear()
    registry._rules.update(known)


def pytest_configure() -> None:
    """Collect no garbage while all is imported; hear signals, whoever started the tests.

    A shell's background job is started deaf to Ctrl-C, and one of `nohup` to a terminal that goes.
    """
    gc.disable()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Keep what has been imported out of the garbage collector's way: it lives to the end."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let it go in good order."""
    gc.unfreeze()
