"""Budget: what a run, or one of its agents, may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..backends.errors import UserError
from .policy import PolicyFields, describe

RUN_BUDGET = "the run's budget is used up"
OWN_BUDGET = "its own budget is used up"
"""Why an agent abstains whose next call does not fit; the reasons tell which budget it was."""

_Count = Annotated[int, Field(ge=1)]
_Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class BudgetFields(BaseModel):
    """The keys of a budget; None leaves that one open.

    Args:
        max_calls: Provider calls.
        max_tokens: Tokens, in and out.
        max_cost_usd: US dollars.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_calls: _Count | None = None
    max_tokens: _Count | None = None
    max_cost_usd: _Dollars | None = None

    @property
    def is_open(self) -> bool:
        """Whether it limits nothing."""
        return self.max_calls is None and self.max_tokens is None and self.max_cost_usd is None


class Budget(BudgetFields):
    """What may be used at the most: provider calls, tokens in and out, US dollars.

    Raises:
        UserError: When a key is unknown, or its value is wrong.
    """

    def __init__(self, **keys: Any) -> None:
        try:
            super().__init__(**keys)
        except ValidationError as exc:
            raise UserError(f"budget: {describe(exc)}") from exc

    @classmethod
    def of(cls, given: object) -> Self:
        """Return the budget that is given, as one or as a mapping of its keys.

        Raises:
            UserError: When it is none.
        """
        if isinstance(given, BudgetFields):
            return cls(**given.model_dump())
        if given is not None and not isinstance(given, Mapping):
            raise UserError("budget must be a Budget, or a mapping of its keys.")
        return cls(**cast("Mapping[str, Any]", given or {}))

    @classmethod
    def of_run(cls, policy: PolicyFields) -> Self:
        """Return what a policy lets all agents of a run use together."""
        return cls(
            max_calls=policy.max_calls,
            max_tokens=policy.max_tokens,
            max_cost_usd=policy.max_cost_usd,
        )


NO_BUDGET = Budget()
"""What limits nothing."""
