"""A provider in a process of its own, which counts what it was asked and what it has answered.

What it says is a function of the request alone: a run that goes on after a kill hears the same as
one that was never killed. Each reply carries the digest of its request, so that a stored reply
tells which request it belongs to.
"""

from __future__ import annotations

import json
import os
import select
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

SILENT_S = 30.0
"""Seconds at most until a process asks for something, or ends."""

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
        sent: A pipe that gets a byte for each whole reply that is sent.
    """

    def __init__(self, process: subprocess.Popen[str], sent: int) -> None:
        self._process, self._sent = process, sent
        self.base_url = self._line()

    def requests(self) -> list[Sent]:
        """Return what came since the last time, once nobody is connected."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        came = json.loads(self._line())
        while select.select([self._sent], [], [], 0)[0]:
            os.read(self._sent, 1000)
        return [Sent(*one) for one in came]

    def wait_for(self, replies: int, ended: int) -> None:
        """Wait until so many more replies were sent, or a process has ended.

        Args:
            replies: How many.
            ended: A descriptor that can be read once it has.
        """
        while replies > 0:
            ready, _, _ = select.select([self._sent, ended], [], [], SILENT_S)
            if self._sent not in ready:
                return
            replies -= len(os.read(self._sent, 1))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def provider() -> Generator[Provider]:
    """Run a provider while the block runs."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(writing)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[writing],
    )
    with process:
        try:
            yield Provider(process, reading)
        finally:
            process.kill()
            os.close(reading)
            os.close(writing)


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


class Announcing(LoopbackServer):
    """A server that writes a byte for each whole reply that it has sent.

    Args:
        sent: Where.
    """

    def __init__(self, sent: int) -> None:
        super().__init__(said)
        self._sent = sent

    def _answered(self, request: Request) -> None:
        super()._answered(request)
        os.write(self._sent, b".")


def _serve(sent: int) -> None:
    with Announcing(sent) as server:
        print(server.base_url, flush=True)
        for _ in sys.stdin:
            until = time.monotonic() + GONE_S
            while server.connections and time.monotonic() < until:
                time.sleep(0.001)
            came, server.requests = server.requests, []
            told = [(digest_of(one), one.answered_at is not None) for one in came]
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
