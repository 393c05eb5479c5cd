"""`present_final`: the winner writes the final answer, or its stored one is presented."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from ..backends.errors import BackendError, RefusedError
from ..backends.fold import Turn
from .events import (
    AgentReasoning,
    AgentStatus,
    CallRetried,
    Event,
    FinalText,
    PresentingEnded,
    PresentingStarted,
)
from .finish import finish
from .live import Desk, LiveRun
from .machine import MachineNode
from .member import Member
from .policy import PolicyFields
from .prompts import present_messages
from .race import Watch
from .state import Failure, FailureKind, Presented, TeamState, Usage, add_usage, no_usage
from .stream import Call, Listener, Reply, Request, deadline, wait_before_next


def present_final(members: Mapping[str, Member], policy: PolicyFields, desk: Desk) -> MachineNode:
    """Return the node that ends a settled run with its one final answer.

    Args:
        members: The team by id.
        policy: `final` says who writes the answer.
        desk: Where the live side of runs is found.
    """

    async def present_final(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        winner = state["winner"]
        assert winner is not None
        stored = state["answers"][winner]["text"]
        work = _Presentation(state, runtime, members[winner], policy, desk.live(runtime, state))
        if policy.final == "reuse" or state["settled_by"] == "single":
            work.tell_end("reuse")
            end = Presentation(stored, "reuse")
        elif winner in state["failures"] or work.too_late:  # who has failed sits out
            work.tell_end("fallback")
            end = Presentation(stored, "fallback")
        else:
            end = await work.present(stored)
        update: dict[str, Any] = {
            "presented": end.presented,
            "messages": [AIMessage(end.text, name=winner)],
            "usage": {
                **state["usage"],
                winner: add_usage(state["usage"].get(winner, no_usage()), work.spent),
            },
        }
        if end.failure is not None:
            update["failures"] = {**state["failures"], winner: end.failure}
        return await finish(desk, state, runtime, update, outcome="settled", answer=end.text)

    return present_final


@dataclass(frozen=True, slots=True)
class Presentation:
    """The final answer, how it came about, and why it is only the stored one, if so."""

    text: str
    presented: Presented
    failure: Failure | None = None


class _Presentation:
    """The winner's call, tried as often as a turn may be."""

    def __init__(
        self,
        state: TeamState,
        runtime: Runtime[Any],
        member: Member,
        policy: PolicyFields,
        live: LiveRun,
    ) -> None:
        self._state, self._runtime, self._member = state, runtime, member
        self._policy, self._live = policy, live
        self._attempt = 1
        self.spent: Usage = no_usage()

    @property
    def too_late(self) -> bool:
        """Whether the run's deadline has passed."""
        return self._live.now >= self._policy.run_deadline_s

    async def present(self, stored: str) -> Presentation:
        """Return what the winner writes, or its stored answer when it fails to."""
        tries, wait_s = 0, 0.0
        while True:
            self._emit(PresentingStarted(agent=self._member.id, attempt=tries + 1))
            reply = await self._call(tries, wait_s)
            if isinstance(reply.end, Turn) and self._accepts(reply.end):
                self.tell_end("present")
                return Presentation(reply.end.text, "present")
            tries += reply.usage["retries"] + 1
            wait = self._wait(reply, tries)
            if wait is None:
                failure = self._failure(reply)
                self.tell_end("fallback", failure)
                return Presentation(stored, "fallback", failure)
            wait_s = wait

    async def _call(self, tries: int, wait_s: float) -> Reply:
        watch = Watch(
            hard=self._policy.run_deadline_s,
            call=deadline(self._live.now, self._policy.call_timeout_s),
            idle_s=deadline(0.0, self._policy.idle_timeout_s),
        )
        request = Request(
            backend=self._member.backend,
            messages=present_messages(self._state, self._member),
            tools=(),
            listener=self._listener(lambda: tries + call.retries + 1),
            requests=self._policy.attempts - tries,
            seed=self._seed(tries),
            delay_s=wait_s,
        )
        call = Call(request, watch, self._live)
        try:
            reply = await call.run()
        except asyncio.CancelledError:
            self._attempt = tries + call.retries + 1
            self.spent = add_usage(self.spent, call.stopped_usage())
            self.tell_end(None)
            raise
        self._attempt = tries + call.retries + 1
        self.spent = add_usage(self.spent, reply.usage)
        return reply

    def _listener(self, attempt: Callable[[], int]) -> Listener:
        agent, emit = self._member.id, self._emit
        return Listener(
            text=lambda delta: emit(FinalText(agent=agent, attempt=attempt(), delta=delta)),
            reasoning=lambda delta: emit(
                AgentReasoning(agent=agent, attempt=attempt(), delta=delta)
            ),
            retried=lambda why, wait_s: emit(
                CallRetried(agent=agent, attempt=attempt(), why=why, wait_s=wait_s)
            ),
            status=lambda status: emit(AgentStatus(agent=agent, attempt=attempt(), status=status)),
        )

    def _seed(self, tries: int) -> str:
        return f"{self._policy.seed}:{self._member.id}:present:{tries}"

    @staticmethod
    def _accepts(turn: Turn) -> bool:
        return bool(turn.text.strip()) and turn.finish_reason != "refusal"

    def _wait(self, reply: Reply, tries: int) -> float | None:
        """Return the seconds until the next try, or None when there is none."""
        error = self._error(reply)
        if tries >= self._policy.attempts or reply.end == "hard":
            return None
        return wait_before_next(error, tries, self._seed(tries)) if error else 0.0

    def _failure(self, reply: Reply) -> Failure:
        error = self._error(reply)
        kind: FailureKind = error.kind if error else "protocol"
        why = str(error) if error else "no final text"
        if reply.end == "hard":
            kind, why = "timeout", "the run's deadline cut it"
        return Failure(kind=kind, message=f"Presenting: {why}", round=self._state["round"])

    @staticmethod
    def _error(reply: Reply) -> BackendError | None:
        if isinstance(reply.end, Turn) and reply.end.finish_reason == "refusal":
            return RefusedError(reply.end.text.strip() or "The model declined to answer.")
        return reply.end if isinstance(reply.end, BackendError) else None

    def tell_end(self, presented: Presented | None, failure: Failure | None = None) -> None:
        """Say how the presentation ended; None when the run was cancelled in the middle of it."""
        event = PresentingEnded(
            agent=self._member.id,
            attempt=self._attempt,
            presented=presented,
            failure=failure,
            usage=self.spent,
        )
        self._emit(event)

    def _emit(self, event: Event) -> None:
        self._live.emit(self._runtime, self._state, event)
