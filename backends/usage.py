"""What a call used, in the providers' own figures."""

from __future__ import annotations

from dataclasses import dataclass

CHARS_PER_TOKEN = 4
"""Rule of thumb for estimates: providers' own tokenizers are not available offline."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens and money of one call, or of several added up.

    Args:
        input_tokens: Tokens sent, cached ones included.
        output_tokens: Tokens received, reasoning included.
        cached_tokens: The part of `input_tokens` that was read from a cache.
        reasoning_tokens: The part of `output_tokens` that was reasoning.
        estimated_cost: US dollars; None when the price is not known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated_cost: float | None = None

    def __add__(self, other: TokenUsage) -> TokenUsage:
        """Return the sum; the cost of what has tokens must be known on both sides."""
        sides = (self, other)
        costs = [side.estimated_cost for side in sides if side.estimated_cost is not None]
        unknown = any(
            side.estimated_cost is None and side.input_tokens + side.output_tokens > 0
            for side in sides
        )
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated_cost=sum(costs) if costs and not unknown else None,
        )


def estimate_tokens(chars: int) -> int:
    """Return the estimated number of tokens of a text of `chars` characters, rounded up."""
    return -(-chars // CHARS_PER_TOKEN)
