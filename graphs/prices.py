"""Whether a budget of money can hold: what the calls of a team cost must be known beforehand."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.errors import UserError
from ..nodes.member import Member
from ..nodes.policy import PolicyFields


def check_prices(members: Sequence[Member], policy: PolicyFields) -> None:
    """Check that the price of everybody's calls is known whose money is limited.

    Raises:
        UserError: When one is not, with all who have none.
    """
    limited = [
        member
        for member in members
        if policy.max_cost_usd is not None or member.budget.max_cost_usd is not None
    ]
    unknown = [
        f"{member.id} ({member.backend.provider_name}:{member.backend.model})"
        for member in limited
        if member.backend.estimate_cost(1, 1) is None
    ]
    if unknown:
        raise UserError(
            f"max_cost_usd can't hold: the price is not known of {', '.join(unknown)}.",
            hint="Limit max_tokens or max_calls instead.",
        )
