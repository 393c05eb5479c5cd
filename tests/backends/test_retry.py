"""The retry policy, on a virtual clock."""

from __future__ import annotations

import asyncio
import random

import pytest

from massgraph.backends.errors import (
    BackendError,
    BackendErrorKind,
    OverloadedError,
    RateLimitError,
    error_class,
)
from massgraph.backends.retry import RetryPolicy, retrying
from tests.vloop import run_virtual

POLICY = RetryPolicy(requests=3, first_delay_s=1.0, max_delay_s=8.0)


class Server:
    """Fails with these errors, one a request, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked_at: list[float] = []
        self.told: list[tuple[BackendError, float]] = []

    async def request(self) -> str:
        """Answer, or fail."""
        self.asked_at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def ask(self, policy: RetryPolicy = POLICY, seed: int = 1) -> str:
        """Ask until the policy gives up, without waiting for real."""
        return run_virtual(
            retrying(
                self.request,
                policy,
                rng=random.Random(seed),
                on_retry=lambda error, wait: self.told.append((error, wait)),
            )
        )


def test_a_success_is_not_repeated() -> None:
    """A request that succeeds is sent once."""
    server = Server()
    assert server.ask() == "answer"
    assert server.asked_at == [0.0]
    assert server.told == []


def test_the_wait_doubles() -> None:
    """Each wait is twice the one before, of which up to a quarter is left out by chance."""
    server = Server(OverloadedError("1"), OverloadedError("2"))
    assert server.ask() == "answer"
    first, second, third = server.asked_at
    assert 0.75 <= second - first <= 1.0
    assert 1.5 <= third - second <= 2.0


def test_chance_comes_from_the_seed() -> None:
    """The same seed gives the same waits, another seed gives others."""
    runs = []
    for seed in (1, 1, 2):
        server = Server(OverloadedError("1"))
        server.ask(seed=seed)
        runs.append(server.asked_at[1])
    assert runs[0] == runs[1] != runs[2]


def test_the_wait_is_bounded() -> None:
    """No wait of ours is longer than the longest one."""
    policy = RetryPolicy(requests=8, first_delay_s=1.0, max_delay_s=4.0)
    server = Server(*(OverloadedError(str(number)) for number in range(7)))
    server.ask(policy)
    waits = [wait for _, wait in server.told]
    assert len(waits) == 7
    assert max(waits) <= 4.0
    assert min(waits[3:]) >= 3.0


def test_retry_after_is_honoured() -> None:
    """When the provider says how long to wait, it is that long, neither more nor less."""
    server = Server(RateLimitError("1", retry_after=7.5), RateLimitError("2", retry_after=0.0))
    assert server.ask() == "answer"
    assert server.asked_at == [0.0, 7.5, 7.5]


def test_too_long_a_wait_is_not_waited() -> None:
    """A provider that asks for a longer wait than the policy allows is not asked again."""
    server = Server(RateLimitError("1", retry_after=121.0))
    with pytest.raises(RateLimitError):
        server.ask()
    assert server.asked_at == [0.0]


def test_the_last_error_is_raised() -> None:
    """When all requests fail, the last error comes out, as it is."""
    errors = [OverloadedError(str(number)) for number in range(3)]
    server = Server(*errors)
    with pytest.raises(OverloadedError) as caught:
        server.ask()
    assert caught.value is errors[-1]
    assert len(server.asked_at) == 3


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        ("auth", 1),
        ("rate_limit", 2),
        ("overloaded", 2),
        ("timeout", 2),
        ("bad_request", 1),
        ("connection", 2),
        ("incomplete_stream", 2),
        ("malformed", 2),
        ("refused", 1),
        ("internal", 1),
    ],
)
def test_what_is_retried(kind: BackendErrorKind, requests: int) -> None:
    """Only what may be better the next time is tried again."""
    server = Server(error_class(kind)("x"))
    if requests == 1:
        with pytest.raises(BackendError):
            server.ask()
    else:
        server.ask()
    assert len(server.asked_at) == requests


def test_other_exceptions_are_not_retried() -> None:
    """An exception that is no BackendError comes out at once."""
    server = Server(KeyError("x"))
    with pytest.raises(KeyError):
        server.ask()
    assert len(server.asked_at) == 1


def test_retries_are_told() -> None:
    """Before each further request, the error and the wait are told."""
    error = RateLimitError("1", retry_after=3.0)
    server = Server(error)
    server.ask()
    assert server.told == [(error, 3.0)]


def test_a_wait_can_be_cancelled() -> None:
    """A wait ends at once when its task is cancelled."""

    async def scenario() -> float:
        server = Server(RateLimitError("1", retry_after=100.0))
        task = asyncio.create_task(retrying(server.request, POLICY, rng=random.Random(1)))
        await asyncio.sleep(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(server.asked_at) == 1
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == 2


def test_a_policy_of_one_request() -> None:
    """A policy may forbid retries altogether."""
    server = Server(OverloadedError("x"))
    with pytest.raises(OverloadedError):
        server.ask(RetryPolicy(requests=1))
    assert len(server.asked_at) == 1
