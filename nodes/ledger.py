"""The ledger of a run: what each call may use is reserved before it goes out.

What was spent stands in the state (`usage`, and a turn's own `spent`), so a resumed run knows it;
the ledger adds what is in flight, what ended since the state was written, and what stands in the
journal alone. Spent tokens are those in, those out, and the estimate of those that were wasted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..backends.base import LLMBackend, ToolSchema
from .amount import Amount, Estimate, Which, expected
from .budget import BudgetFields
from .state import Usage

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

logger = logging.getLogger("massgraph")

OUTPUT_TOKENS = 500
"""What a reply is expected to take, until a longer one was seen in the run; a guess."""


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """What one call holds until it is settled."""

    agent: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is used up, so that a call does not go out.

    Args:
        which: The limit.
        agent: Whose own limit it is; None for the run's.
        first: Whether it is the first time in the run that this limit is reached.
    """

    which: Which
    agent: str | None
    first: bool


class Ledger:
    """What the calls of a run have used and hold; the order of asking decides who gets the rest."""

    def __init__(self) -> None:
        self._spent: dict[str, Amount] = {}
        self._held: set[Reservation] = set()
        self._paid: dict[str, list[Amount]] = {}
        self._told: set[tuple[Which, str | None]] = set()
        self._longest = OUTPUT_TOKENS
        self._unpriced: set[str] = set()

    @property
    def longest_reply(self) -> int:
        """The largest output of a call so far, in tokens; OUTPUT_TOKENS at least."""
        return self._longest

    def learn(self, agent: str, usage: Usage) -> None:
        """Take in what the state says that an agent has spent: after a break it knows more."""
        self._spent[agent] = Amount.of(usage).at_least(self._spent.get(agent, Amount()))

    def paid(self, agent: str, usage: Usage) -> None:
        """Hold what a stored reply has used that no state tells of: its turn was cut before."""
        self._paid.setdefault(agent, []).append(Amount.of(usage))
        self._note_longest(usage)

    def reserve(
        self, agent: str, estimate: Estimate, *, run: BudgetFields, own: BudgetFields
    ) -> Reservation | Refusal:
        """Hold what a call will probably use, or say what is used up.

        Args:
            agent: Whose call it is.
            estimate: What it will probably use.
            run: What all agents may use together.
            own: What this one may use.
        """
        if estimate.cost_usd is None and not (run.max_cost_usd is own.max_cost_usd is None):
            self._warn(agent)
        which = (self._committed() + estimate.amount).over(run)
        if which is not None:
            return self._refused(which, None)
        which = (self._committed(agent) + estimate.amount).over(own)
        if which is not None:
            return self._refused(which, agent)
        held = Reservation(agent, estimate)
        self._held.add(held)
        return held

    def settle(self, held: Reservation, usage: Usage) -> None:
        """Put what a call has used in the place of what it held.

        A stopped call that reported nothing has used its input all the same; where nobody told the
        price, the expected one counts.
        """
        self._held.discard(held)
        used, expected = Amount.of(usage), held.estimate
        if usage["stopped"] and not usage["input_tokens"]:
            used += Amount(tokens=expected.input_tokens)
        if usage["calls"] and usage["cost_usd"] is None:
            used += Amount(cost_usd=expected.cost_usd or 0.0)
        self._spent[held.agent] = self._spent.get(held.agent, Amount()) + used
        self._note_longest(usage)

    def spend(self, agent: str, usage: Usage) -> None:
        """Count what an agent's stored reply has used, now that its turn takes it in."""
        if self._paid.get(agent):
            self._paid[agent].pop(0)
        self._spent[agent] = self._spent.get(agent, Amount()) + Amount.of(usage)
        self._note_longest(usage)

    def _note_longest(self, usage: Usage) -> None:
        self._longest = max(self._longest, usage["output_tokens"], usage["wasted_tokens"])

    def _committed(self, agent: str | None = None) -> Amount:
        """Return what is spent or held, by one agent or by all."""
        spent = [amount for who, amount in self._spent.items() if agent in (None, who)]
        held = [one.estimate.amount for one in self._held if agent in (None, one.agent)]
        paid = [
            one for who, amounts in self._paid.items() if agent in (None, who) for one in amounts
        ]
        return sum([*spent, *held, *paid], Amount())

    def _refused(self, which: Which, agent: str | None) -> Refusal:
        first = (which, agent) not in self._told
        self._told.add((which, agent))
        return Refusal(which, agent, first)

    def _warn(self, agent: str) -> None:
        if agent not in self._unpriced:
            self._unpriced.add(agent)
            logger.warning("The price of %s's calls is not known: max_cost_usd can't hold.", agent)


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays for a call.

    Args:
        ledger: The run's.
        agent: Whose call it is.
        run: What all agents may use together.
        own: What this one may use.
        spent: What the state says that each agent has used, a turn's own calls included.
    """

    ledger: Ledger
    agent: str
    run: BudgetFields
    own: BudgetFields
    spent: Mapping[str, Usage]

    def reserve(
        self, backend: LLMBackend, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema]
    ) -> Reservation | Refusal | None:
        """Hold what a call will probably use; None where nothing limits it."""
        if self.run.is_open and self.own.is_open:
            return None
        for agent, usage in self.spent.items():
            self.ledger.learn(agent, usage)
        estimate = expected(backend, messages, tools, longest=self.ledger.longest_reply)
        return self.ledger.reserve(self.agent, estimate, run=self.run, own=self.own)

    def spend(self, usage: Usage) -> None:
        """Count what a call has used that did not go out now: its reply was stored."""
        for agent, before in self.spent.items():
            self.ledger.learn(agent, before)
        self.ledger.spend(self.agent, usage)

    def settle(self, held: Reservation | None, usage: Usage) -> None:
        """Put what a call has used in the place of what it held."""
        if held is not None:
            self.ledger.settle(held, usage)
