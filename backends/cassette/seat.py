"""Seat: who was recorded, as far as its replay must be the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..base import BuiltinTool, LLMBackend

SAMPLE_TOKENS = 10_000
"""Tokens whose price is asked for; no provider's prices rise before that many."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A backend as its replay shows it.

    Args:
        provider: Its provider's name.
        model: Its model.
        brief_prompts: Whether it was told little; see `LLMBackend`.
        takes_tool_choice: Whether its calls took a `tool_choice`.
        takes_output_schema: Whether they took an `output_schema`.
        longest_reply: The most tokens that a reply could have.
        unsent: What it was given and did not send: name -> why.
        builtin_tools: The provider's own tools.
        input_price: US dollars a token that is sent; None where it is not known.
        output_price: US dollars a token that is received.
    """

    provider: str
    model: str = ""
    brief_prompts: bool = False
    takes_tool_choice: bool = False
    takes_output_schema: bool = False
    longest_reply: int | None = None
    unsent: Mapping[str, str] = field(default_factory=dict[str, str])
    builtin_tools: tuple[BuiltinTool, ...] = ()
    input_price: float | None = None
    output_price: float | None = None

    @classmethod
    def of(cls, backend: LLMBackend) -> Seat:
        """Return a backend as its replay is to show it."""
        return cls(
            provider=backend.provider_name,
            model=backend.model,
            brief_prompts=backend.brief_prompts,
            takes_tool_choice=backend.takes_tool_choice,
            takes_output_schema=backend.takes_output_schema,
            longest_reply=backend.longest_reply,
            unsent=dict(backend.unsent),
            builtin_tools=tuple(sorted(backend.supported_builtin_tools)),
            input_price=_a_token(backend.estimate_cost(SAMPLE_TOKENS, 0)),
            output_price=_a_token(backend.estimate_cost(0, SAMPLE_TOKENS)),
        )

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Seat:
        """Return the seat that `to_json` gave.

        Raises:
            ValueError: When it is none.
        """
        try:
            told: dict[str, Any] = json.loads(text)
            told["builtin_tools"] = tuple(told["builtin_tools"])
            return cls(**told)
        except (KeyError, TypeError) as exc:
            raise ValueError(f"no seat: {exc}") from exc


def _a_token(cost: float | None) -> float | None:
    return None if cost is None else cost / SAMPLE_TOKENS
