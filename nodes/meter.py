"""What one call has used so far: by its provider's telling, and by estimate where it was cut."""

from __future__ import annotations

from ..backends.base import LLMBackend
from ..backends.fold import TurnFold
from ..backends.reply import StoredReply
from ..backends.usage import TokenUsage, estimate_tokens
from .state import Usage, no_usage


class Meter:
    """What a call uses, while it runs.

    Args:
        backend: Who is asked, and knows the prices.
        stored: The reply, where it is stored already, with what it cost then; its chunks are still
            to be folded.
    """

    def __init__(self, backend: LLMBackend, stored: StoredReply | None = None) -> None:
        self._priced = backend.priced if stored is None else _as_it_was
        self.fold = TurnFold()
        """What the request that runs has brought."""
        self.began = stored is not None
        """Whether the call went out."""
        self.retries = stored.retries if stored is not None else 0
        """Extra requests so far."""
        self.lost = stored.lost if stored is not None else TokenUsage()
        """What the requests before the last one have used."""

    def again(self) -> None:
        """Note that the request is sent again: what came of it is lost, and has been used."""
        self.retries += 1
        self.lost += self._told()
        self.fold = TurnFold()

    @property
    def usage(self) -> Usage:
        """What the call has used, as far as the provider has told."""
        usage = no_usage()
        usage["calls"], usage["retries"] = int(self.began), self.retries
        told = self.lost + self._told()
        usage["input_tokens"] = told.input_tokens
        usage["cached_tokens"] = told.cached_tokens
        usage["output_tokens"] = told.output_tokens
        usage["reasoning_tokens"] = told.reasoning_tokens
        usage["cost_usd"] = told.estimated_cost
        return usage

    @property
    def wasted(self) -> Usage:
        """The usage of a call whose text nobody will read; how much text is an estimate."""
        usage = self.usage
        usage["wasted_tokens"] = estimate_tokens(self.fold.chars)
        return usage

    @property
    def stopped(self) -> Usage:
        """The usage of a call that was cut."""
        usage = self.wasted
        usage["stopped"] = usage["calls"]
        return usage

    def broken(self, *, stopped: bool) -> Usage:
        """Return the usage of a call that came to nothing.

        Args:
            stopped: Whether it was cut: it took too long, or was silent too long.
        """
        return self.stopped if stopped else self.wasted

    def _told(self) -> TokenUsage:
        """Return what the provider has told of the request that runs, with its price."""
        return self._priced(self.fold.usage or TokenUsage())


def _as_it_was(usage: TokenUsage) -> TokenUsage:
    """Return the usage with the price that is stored: what has been paid does not change."""
    return usage


def usage_of(stored: StoredReply, backend: LLMBackend) -> Usage:
    """Return what a call has used whose reply is stored.

    Args:
        stored: The reply.
        backend: Who gave it.
    """
    meter = Meter(backend, stored)
    try:
        for said in stored.said:
            meter.fold.add(said.chunk)
        meter.fold.turn()
    except Exception:  # the reply was broken: that was paid for, too
        return meter.broken(stopped=stored.stopped)
    return meter.usage
