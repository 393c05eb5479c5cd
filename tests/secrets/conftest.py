"""What tests of secrets share: canaries, a state folder, a server, and all that is said."""

from __future__ import annotations

import io
import logging
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from massgraph.backends.vendors import VENDORS
from massgraph.cli import main

from ..wire.brain import brain
from ..wire.reply import Request
from ..wire.server import LoopbackServer, Said
from .canaries import Canaries


@dataclass
class Heard:
    """All that was said in a test: on both streams, and in the log."""

    texts: list[str]

    def take(self, *texts: object) -> None:
        """Take something in that was shown, or could be pickled, by its words and its parts."""
        for one in texts:
            self.texts += [str(one), repr(one)]
            if isinstance(one, BaseException):
                self.texts += traceback.format_exception(one)
                self.texts += [repr(vars(one)), pickle.dumps(one).decode("latin-1")]


class Wire:
    """A server that does what a test says: the small mind of a team if it says nothing."""

    def __init__(self) -> None:
        self.server = LoopbackServer(self._said)
        self.play: Callable[[Request], Said] = brain

    def _said(self, request: Request) -> Said:
        return self.play(request)


@pytest.fixture
def canaries() -> Canaries:
    """Return canaries, none of them put anywhere yet."""
    return Canaries()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a state folder beside it; return the folder of both."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for vendor in VENDORS:
        for name in (*vendor.key_variables, vendor.url_variable):
            if name is not None:
                monkeypatch.setenv(name, "")  # noted, so that what .env adds goes as well
                monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture(scope="session")
def one_wire() -> Iterator[Wire]:
    """Start one server for all tests."""
    wire = Wire()
    with wire.server:
        yield wire


@pytest.fixture
def wire(one_wire: Wire) -> Wire:
    """Return the server, with the mind of a team, and no request yet."""
    one_wire.play = brain
    one_wire.server.requests.clear()
    one_wire.server.refused.clear()
    return one_wire


REPLY_HEADERS = ("receive_response_headers.complete", "HTTP Response: ")
"""How libraries that log at DEBUG what a server sends begin to tell the headers of its reply."""


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[Heard]:
    """Listen to all loggers at their most talkative, but for headers that a server has sent."""

    def is_ours(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(REPLY_HEADERS)

    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(is_ours)
    yield Heard([])
    caplog.handler.removeFilter(is_ours)


Cli = Callable[..., int]


@pytest.fixture
def cli(
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Cli:
    """Run a command in this process, and hear all that it says and logs."""

    def cli(*words: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        caplog.clear()
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = capsys.readouterr()
        heard.texts += [out, err, caplog.text]
        heard.texts += [repr(vars(record)) for record in caplog.records]
        assert isinstance(left.value.code, int)
        return left.value.code

    return cli
