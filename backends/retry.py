"""The one retry policy: only before the first chunk, and never against the provider's wish."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from .errors import BackendError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a request that failed before its first chunk is sent again.

    Args:
        requests: Requests at most, the first one included.
        first_delay_s: Seconds before the second request; doubled each time.
        max_delay_s: The longest wait, in seconds.
        max_retry_after_s: A provider that asks for a longer wait than this is not asked again.
    """

    requests: int = 3
    first_delay_s: float = 0.5
    max_delay_s: float = 20.0
    max_retry_after_s: float = 120.0

    def retries(self, error: BackendError) -> bool:
        """Return whether a request that failed with this error may be sent again."""
        return error.retryable and (error.retry_after or 0.0) <= self.max_retry_after_s

    def delay(self, number: int, error: BackendError, rng: random.Random) -> float:
        """Return the seconds to wait after request `number` (from 1) failed with `error`.

        The provider's own wish counts as it is. Otherwise the wait doubles each time, and up to a
        quarter of it is random, so that agents which failed together do not return together.
        """
        if error.retry_after is not None:
            return error.retry_after
        wait = min(self.first_delay_s * 2.0 ** (number - 1), self.max_delay_s)
        return wait * (0.75 + 0.25 * rng.random())


async def retrying(
    request: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    *,
    rng: random.Random,
    on_retry: Callable[[BackendError, float], None] | None = None,
) -> T:
    """Await `request()`, and again as the policy allows, and return the first success.

    Args:
        request: Sends one request and returns once the first chunk is there.
        policy: When to try again, and after how long.
        rng: Where the random part of a wait comes from.
        on_retry: Told the error and the wait in seconds before each further request.

    Raises:
        BackendError: The last one, when no request succeeded.
    """

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        return policy.delay(state.attempt_number, error, rng) if error else 0.0

    def before_sleep(state: RetryCallState) -> None:
        error = _error(state)
        if on_retry and error and state.next_action:
            on_retry(error, state.next_action.sleep)

    attempts = AsyncRetrying(
        stop=stop_after_attempt(policy.requests),
        retry=retry_if_exception(lambda e: isinstance(e, BackendError) and policy.retries(e)),
        wait=wait,
        before_sleep=before_sleep,
        reraise=True,
    )
    return await attempts(request)


def _error(state: RetryCallState) -> BackendError | None:
    exc = state.outcome.exception() if state.outcome else None
    return exc if isinstance(exc, BackendError) else None
