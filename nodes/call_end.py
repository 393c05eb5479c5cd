"""CallEnd: how one call of a provider ended, as it is told."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends.base import LLMBackend
from ..backends.errors import BackendError
from ..backends.fold import Turn
from .events import CallEnded
from .state import FailureKind, Usage


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended that had begun.

    Args:
        finish_reason: Why the provider stopped; None where it did not come to an end.
        failure: How the call broke, if it did.
        seconds: How long it took, its requests that got no reply and the waits between included.
        usage: What it has used.
        replayed: Whether its reply was stored, and nobody was asked.
    """

    finish_reason: str | None
    failure: FailureKind | None
    seconds: float
    usage: Usage
    replayed: bool

    @classmethod
    def of(cls, end: object, usage: Usage, *, seconds: float, replayed: bool) -> CallEnd:
        """Return how a call ended.

        Args:
            end: A turn, an error, or whatever has stopped it.
            usage: What it has used.
            seconds: How long it took.
            replayed: Whether its reply was stored.
        """
        return cls(
            finish_reason=end.finish_reason if isinstance(end, Turn) else None,
            failure=end.kind if isinstance(end, BackendError) else None,
            seconds=round(seconds, 6),
            usage=usage,
            replayed=replayed,
        )

    def event(self, backend: LLMBackend, *, agent: str, attempt: int) -> CallEnded:
        """Return the event that tells it.

        Args:
            backend: Whom was asked.
            agent: Whose call it was.
            attempt: The try that it was.
        """
        return CallEnded(
            agent=agent,
            attempt=attempt,
            provider=backend.provider_name,
            model=backend.model,
            finish_reason=self.finish_reason,
            failure=self.failure,
            stopped=self.usage["stopped"] > 0,
            seconds=self.seconds,
            usage=self.usage,
            replayed=self.replayed,
        )
