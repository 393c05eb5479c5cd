"""A provider in a process of its own, which counts what it was asked and what it has answered.

What it says is a function of the request alone: a run that goes on after a kill hears the same as
one that was never killed. Each reply carries the digest of its request, so that a stored reply
tells which request it belongs to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b

from ..wire.asked import LABEL, NEW_ANSWER, VOTE, Asked, asked
from ..wire.reply import Request
from ..wire.server import LoopbackServer
from ..wire.turn import WireTurn

FASTEST_S, SLOWEST_S = 0.005, 0.04
"""Seconds before a reply begins."""

GONE_S = 5.0
"""Seconds at most until the connections of a killed process are closed."""

IMPROVED = "carol has found a better answer"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that came.

    Args:
        digest: Of its body.
        whole: Whether the whole reply was sent.
    """

    digest: str
    whole: bool


class Provider:
    """The provider, as another process sees it.

    Args:
        process: The process.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.base_url = self._line()

    def requests(self) -> list[Sent]:
        """Return what came since the last time, once nobody is connected."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [Sent(*one) for one in json.loads(self._line())]

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def provider() -> Generator[Provider]:
    """Run a provider while the block runs."""
    command = [sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            yield Provider(process)
        finally:
            process.kill()


def digest_of(request: Request) -> str:
    """Return the digest of a request's body."""
    body = json.dumps(request.body, sort_keys=True).encode()
    return blake2b(body, digest_size=8).hexdigest()


def said(request: Request) -> WireTurn:
    """Return what the model says, after a while that depends on the request, too."""
    digest = digest_of(request)
    wait = FASTEST_S + int(digest[:4], 16) / 0xFFFF * (SLOWEST_S - FASTEST_S)
    turn = _turn(asked(request))
    return replace(turn, reasoning=f"request {digest}", piece=64, delay_s=wait)


def _turn(request: Asked) -> WireTurn:
    """Return an answer, a better one of carol's, votes, and the final answer.

    bob first says nothing that counts, in every turn, so that turns have several calls.
    """
    if not request.tools:
        return WireTurn(text=f"{request.model} presents: " + "rivers rise when it rains. " * 12)
    if request.model == "bob" and all(role != "assistant" for role, _ in request.messages):
        return WireTurn(text="Let me think about it first.")
    if VOTE not in request.tools:
        return _answers(f"{request.model} has a first answer")
    if request.model == "carol" and IMPROVED not in request.last:
        return _answers(IMPROVED)
    label = request.labels[0 if request.model == "alice" else -1]
    reason = f"{request.model} likes it"
    return WireTurn(calls=((VOTE, {LABEL: label, "reason": reason}),))


def _answers(content: str) -> WireTurn:
    return WireTurn(calls=((NEW_ANSWER, {"content": content}),))


def _serve() -> None:
    with LoopbackServer(said) as server:
        print(server.base_url, flush=True)
        for _ in sys.stdin:
            until = time.monotonic() + GONE_S
            while server.connections and time.monotonic() < until:
                time.sleep(0.001)
            came, server.requests = server.requests, []
            told = [(digest_of(one), one.answered_at is not None) for one in came]
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _serve()
