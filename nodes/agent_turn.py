"""An agent at its turn: what the nodes of its subgraph all need to know and to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from .actions import ACTIONS, NEW_ANSWER, Legal, legal_actions
from .budget import OWN_BUDGET, RUN_BUDGET
from .events import AgentRetried, BudgetReached, DeadlineReached, Event, TurnEnded
from .journal import Slot
from .ledger import Account, Refusal
from .live import Desk
from .live_round import LiveRound
from .member import Member, account_of
from .novelty import Novelty
from .policy import PolicyFields
from .prompts import notice
from .race import Stop, Watch
from .state import FailureKind, OutcomeKind, Usage, add_usage, no_usage
from .stream import deadline
from .turn import Ending, TurnState, ending
from .visibility import Seen, visible

NOTHING_LEGAL = "there is nothing that it may do"
DEADLINE = "the deadline has passed"
RELEASED = "a peer's new answer made this work worthless"
CANCELLED = "the run was cancelled"
CANCELLED_AGENT = "the agent was cancelled"
SETTLED = "the votes that are in leave nothing to decide"


class TurnNode(Protocol):
    """A node of an agent's turn: state and runtime in, an update of the turn out."""

    def __call__(self, state: TurnState, *, runtime: Runtime[Any]) -> Awaitable[dict[str, Any]]:
        """Do the step."""
        ...


class AgentTurn:
    """One agent's turn, as one step of it sees it.

    Args:
        state: The turn.
        runtime: The node's runtime.
        member: Whose turn it is.
        policy: The policy.
        desk: Where the live side of runs is found.
    """

    def __init__(
        self,
        state: TurnState,
        runtime: Runtime[Any],
        member: Member,
        policy: PolicyFields,
        desk: Desk,
    ) -> None:
        self.state, self.member, self.policy = state, member, policy
        self.live = desk.live(runtime, state)
        self._runtime = runtime
        self._calls = 0
        self.note(self.spent, self.tries)

    @property
    def round(self) -> LiveRound:
        """The round that the turn is part of."""
        return self.live.open_round(self.state["round_id"])

    @property
    def legal(self) -> Legal:
        """What the agent may do now."""
        return legal_actions(self.state, self.member.id, self.policy)

    @property
    def seen(self) -> Seen:
        """The answers that the agent sees."""
        return visible(self.state, self.member.id, self.policy)

    @property
    def novelty(self) -> Novelty | None:
        """How close a new answer may be to those that the agent sees.

        Where all are to answer, one may stand by an answer, unless the policy asks for more.
        """
        stands = self.state["phase"] == "answer" and self.policy.novelty == "exact"
        return None if stands else self.policy.novelty

    @property
    def stops_peers(self) -> bool:
        """Whether a new answer makes the work of peers worthless: not where all are to answer."""
        return self.policy.on_new_answer == "cancel" and self.state["phase"] != "answer"

    @property
    def is_released(self) -> bool:
        """Whether it was stopped since its last step, for an answer or a vote of a peer."""
        round_ = self.round
        spared = round_.turn(self.member.id, self.live.now).spared
        return round_.released.is_set() and not spared()

    @property
    def is_cancelled(self) -> bool:
        """Whether a person has ordered the agent to stop."""
        return self.live.orders(self.member.id).order == "cancelled"

    def overtaken(self) -> dict[str, Any] | None:
        """Return the update of a turn that a person or a peer has ended since its last step."""
        if self.is_cancelled:
            return self.cancelled()
        return self.released() if self.is_released else None

    @property
    def tries(self) -> int:
        """How many tries have not counted so far."""
        return self.state.get("tries", 0)

    @property
    def spent(self) -> Usage:
        """What the turn has used so far."""
        return self.state.get("spent", no_usage())

    def who(self, retries: int = 0) -> dict[str, Any]:
        """Return what every event of this try carries.

        Args:
            retries: Extra requests of the call that is under way: tries like any other.
        """
        attempt = min(self.tries + retries + 1, self.policy.attempts)
        return {"agent": self.member.id, "attempt": attempt}

    def next_slot(self) -> Slot | None:
        """Return the place of this step's next call in the journal."""
        self._calls += 1
        return self.live.slot(self._runtime, self.member.id, self._calls)

    async def is_paid(self) -> bool:
        """Return whether this step's next call was made before: its reply is stored."""
        slot = self.live.slot(self._runtime, self.member.id, self._calls + 1)
        return slot is not None and await slot.find() is not None

    async def leave_slot(self) -> None:
        """Give the next call the place of the one that was stopped: a resumed run looks there.

        One whose reply was stored in that moment keeps its place.
        """
        self._calls -= 1
        if await self.is_paid():
            self._calls += 1

    def emit(self, event: Event) -> None:
        """Tell what happens."""
        self.live.emit(self._runtime, self.state, event)

    def watch(self, called: Callable[[], tuple[str, ...]] = tuple) -> Watch:
        """Return what may end a wait of this turn.

        Args:
            called: The names of the tools whose calls have begun.
        """
        opened, policy = self.round.opened, self.policy
        hard = min(deadline(opened, policy.round_deadline_s), policy.run_deadline_s)
        soft = opened + (hard - opened) * policy.soft_share
        first_draft = self.state["drafts"].get(self.member.id, 0) == 0
        stoppable = self.stops_peers or policy.settle_early
        watch = Watch(
            hard=hard,
            soft=deadline(0.0, None if self.state.get("hurried") else soft),
            begun=lambda: any(name in ACTIONS for name in called()),
            orders=self.live.orders(self.member.id),
            released=self.round.released if stoppable else None,
            spared=lambda: first_draft or NEW_ANSWER in called(),
        )
        self.round.turn(self.member.id, self.live.now).spared = watch.spared
        return watch

    def ended(self, end: Ending) -> dict[str, Any]:
        """Return the update of a turn whose end is decided: no peer's answer can stop it now."""
        self.round.turn(self.member.id, self.live.now).spared = lambda: True
        return {"ending": end}

    def hurried(self) -> dict[str, Any]:
        """Return the update of a turn whose soft deadline has passed: one last call."""
        self.emit(DeadlineReached(which="soft", agent=self.member.id))
        return {"hurried": True, "transcript": [HumanMessage(notice(self.legal, self.policy))]}

    def stopped(self, why: Stop) -> dict[str, Any]:
        """Return the update of a turn whose work was stopped for good."""
        if why == "cancelled":
            return self.cancelled()
        return self.released() if why == "released" else self.cut()

    def released(self) -> dict[str, Any]:
        """Return the update of a turn that a peer's new answer, or a vote, has ended."""
        why = SETTLED if self.round.reason == "settled" else RELEASED
        return self.ended(ending("interrupted", why))

    def cancelled(self) -> dict[str, Any]:
        """Return the update of a turn that a person has ended: the agent sits out."""
        return self.ended(ending("failed", CANCELLED_AGENT, kind="cancelled"))

    def retried(self, spent: Usage) -> None:
        """Begin afresh, as a person wants it; what was spent by then stays spent."""
        retries = spent["retries"] - self.spent["retries"]
        again: TurnState = {**self.state, "spent": spent, "tries": self.tries + retries}
        self.state = again
        self.live.orders(self.member.id).take_retry()
        self.emit(AgentRetried(**self.who()))

    @property
    def account(self) -> Account:
        """Who pays for its calls."""
        return account_of(self.live.ledger, self.member, self.policy, self.state, self.spent)

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        """Return the update of a turn whose next call no budget allows."""
        if refusal.first:
            self.emit(BudgetReached(which=refusal.which, agent=refusal.agent))
        return self.ended(ending("abstained", OWN_BUDGET if refusal.agent else RUN_BUDGET))

    def cut(self) -> dict[str, Any]:
        """Return the update of a turn that a deadline has ended.

        The round's is told here; the run's once for all agents, when the round is collected.
        """
        if self.live.now < self.policy.run_deadline_s:
            self.emit(DeadlineReached(which="round", agent=self.member.id))
        return self.ended(ending("abstained", DEADLINE))

    def tell_ended(
        self,
        outcome: OutcomeKind,
        *,
        why: str = "",
        kind: FailureKind | None = None,
        usage: Usage,
        retries: int = 0,
    ) -> None:
        """Tell how the turn ended."""
        began = self.round.turn(self.member.id, self.live.now).began
        self.emit(
            TurnEnded(
                **self.who(retries),
                outcome=outcome,
                why=why,
                kind=kind,
                seconds=round(self.live.now - began, 6),
                usage=usage,
            )
        )

    def note(self, spent: Usage, tries: int) -> None:
        """Note how far the turn is, for a cancellation that comes between two of its steps."""
        turn = self.round.turn(self.member.id, self.live.now)
        turn.spent, turn.attempt = spent, min(tries + 1, self.policy.attempts)

    def tell_cancelled(self, usage: Usage | None = None) -> None:
        """Tell that the run was cancelled in the middle of the turn.

        Args:
            usage: What the step that was cut has used.
        """
        cut = usage or no_usage()
        self.tell_ended(
            "interrupted",
            why=CANCELLED,
            usage=add_usage(self.spent, cut),
            retries=cut["retries"],
        )
        self.round.turns.pop(self.member.id, None)
