"""Presenter: an agent while it writes the final answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime

from ..backends.errors import BadRequestError
from ..backends.fold import Turn
from .events import (
    ActionRefused,
    AgentReasoning,
    AgentStatus,
    BudgetReached,
    CallRetried,
    Event,
    FinalText,
    PresentingEnded,
    PresentingStarted,
)
from .final_form import Final, FinalForm
from .final_try import Try
from .listener import Listener
from .live import LiveRun
from .member import Member, account_of
from .outer import OuterCall
from .policy import PolicyFields
from .presenting import mending
from .race import Watch
from .state import Failure, Presented, TeamState, Usage, add_usage, no_usage
from .stream import Call, Reply, Request, deadline, wait_before_next
from .templates import message


class Presenter:
    """An agent's call for the final answer, tried as often as a turn may be.

    Args:
        state: The state of a settled run.
        runtime: The node's runtime.
        member: The agent.
        policy: The limits.
        live: The run's live side.
    """

    def __init__(
        self,
        state: TeamState,
        runtime: Runtime[Any],
        member: Member,
        policy: PolicyFields,
        live: LiveRun,
    ) -> None:
        self.member = member
        self._state, self._runtime = state, runtime
        self.policy, self._live = policy, live
        self._outer = live.outer or OuterCall()
        self._attempt = 1
        self._calls = 0
        self._mending: list[AnyMessage] = []
        self._in_words = False
        self.spent: Usage = no_usage()

    @property
    def too_late(self) -> bool:
        """Whether the run's deadline has passed."""
        return self._live.now >= self.policy.run_deadline_s

    async def is_paid(self) -> bool:
        """Return whether its first call was made before: its reply is stored."""
        slot = self._live.slot(self._runtime, self.member.id, 1)
        return slot is not None and await slot.find() is not None

    async def write(self, messages: list[AnyMessage], form: FinalForm) -> Final | Failure | None:
        """Return what the agent writes, or why it does not; None where no budget allows it.

        Args:
            messages: What it is sent.
            form: Which replies count; one that does not is told why, once.
        """
        tries, wait_s = 0, 0.0
        while True:
            if tries:
                self._outer.again()
            self._emit(PresentingStarted(agent=self.member.id, attempt=tries + 1))
            reply = await self._call([*messages, *self._mending], form, tries, wait_s)
            made = Try.of(reply, form)
            if made.final is not None:
                return made.final
            tries += reply.usage["retries"] + 1
            again = self._tell_misfit(made, reply, form)
            wait = self._wait(made, form, tries) if again else None
            if wait is None:
                return made.failure(self._state["round"])
            wait_s = wait

    async def _call(
        self, messages: list[AnyMessage], form: FinalForm, tries: int, wait_s: float
    ) -> Reply:
        self._calls += 1
        watch = Watch(
            hard=self.policy.run_deadline_s,
            call=deadline(self._live.now, self.policy.call_timeout_s),
            idle_s=deadline(0.0, self.policy.idle_timeout_s),
            orders=self._live.orders(self.member.id),
            afresh=False,
        )
        request = Request(
            backend=self.member.backend,
            messages=self._outer.messages(messages),
            tools=form.tools,
            listener=self._listener(lambda: tries + call.retries + 1),
            requests=self.policy.attempts - tries,
            seed=self._seed(tries),
            delay_s=wait_s,
            params={} if self._in_words else form.params(self.member.backend),
            account=account_of(
                self._live.ledger, self.member, self.policy, self._state, self.spent
            ),
            slot=self._live.slot(self._runtime, self.member.id, self._calls),
        )
        call = Call(request, watch, self._live)
        try:
            reply = await call.run()
        except asyncio.CancelledError:
            self._attempt = tries + call.retries + 1
            self.spent = add_usage(self.spent, call.stopped_usage)
            self.tell_end(None)
            raise
        self._attempt = tries + call.retries + 1
        self.spent = add_usage(self.spent, reply.usage)
        return reply

    def _listener(self, attempt: Callable[[], int]) -> Listener:
        agent, emit = self.member.id, self._emit
        return Listener(
            text=lambda delta: emit(FinalText(agent=agent, attempt=attempt(), delta=delta)),
            reasoning=lambda delta: emit(
                AgentReasoning(agent=agent, attempt=attempt(), delta=delta)
            ),
            retried=lambda why, wait_s: emit(
                CallRetried(agent=agent, attempt=attempt(), why=why, wait_s=wait_s)
            ),
            status=lambda status: emit(AgentStatus(agent=agent, attempt=attempt(), status=status)),
            chunk=self._outer.chunk,
            ended=lambda end: emit(end.event(self.member.backend, agent=agent, attempt=attempt())),
        )

    def _seed(self, tries: int) -> str:
        return f"{self.policy.seed}:{self.member.id}:present:{tries}"

    def _tell_misfit(self, made: Try, reply: Reply, form: FinalForm) -> bool:
        """Say what is wrong with a reply that does not count; return False for the second one."""
        if not form.mends or made.error or not isinstance(reply.end, Turn):
            return True
        agent, why = self.member.id, made.misfit
        event = ActionRefused(agent=agent, attempt=self._attempt, what="final answer", why=why)
        self._emit(event)
        if self._mending:
            return False
        told = message(self.policy.templates, "mend", complaints=why)
        self._mending = mending(reply.end, told, offered=bool(form.tools))
        return True

    def _drops_params(self, made: Try, form: FinalForm) -> bool:
        """Return whether the form is asked for in words alone from now on.

        Some servers, and some providers for some schemas, refuse to hold a model to one.
        """
        refused = isinstance(made.error, BadRequestError) and form.params(self.member.backend)
        if not refused or self._in_words:
            return False
        self._in_words = True
        return True

    def _wait(self, made: Try, form: FinalForm, tries: int) -> float | None:
        """Return the seconds until the next try, or None when there is none."""
        if made.refused is not None and made.refused.first:
            refused = made.refused
            self._emit(BudgetReached(which=refused.which, agent=refused.agent))
        if tries >= self.policy.attempts or made.is_last:
            return None
        if self._drops_params(made, form):
            return 0.0
        return wait_before_next(made.error, tries, self._seed(tries)) if made.error else 0.0

    def tell_end(
        self, presented: Presented | None, *, failure: Failure | None = None, output: Any = None
    ) -> None:
        """Say how the presentation ended; None when the run was cancelled in the middle of it."""
        event = PresentingEnded(
            agent=self.member.id,
            attempt=self._attempt,
            presented=presented,
            failure=failure,
            usage=self.spent,
            output=output,
        )
        self._emit(event)

    def _emit(self, event: Event) -> None:
        self._live.emit(self._runtime, self._state, event)
