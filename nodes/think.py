"""`think`: one call of an agent's model, and what it amounts to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from langgraph.runtime import Runtime

from ..backends.errors import BackendError, BackendTimeoutError
from ..backends.fold import Turn
from ..backends.retry import RetryPolicy
from .actions import (
    ACTIONS,
    ANSWER_ARGUMENT,
    NEW_ANSWER,
    Answered,
    Legal,
    Refused,
    Silent,
    Voted,
    WantsTools,
    action_schemas,
    judge,
    legal_actions,
)
from .events import (
    AgentReasoning,
    AgentText,
    AnswerText,
    DeadlineReached,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from .live import Desk, LiveRun
from .member import Member
from .policy import PolicyFields
from .prompts import turn_messages
from .race import Stop, Watch
from .state import add_usage, no_usage
from .stream import Call, Listener, Reply, Request, deadline
from .turn import Flaw, TurnState, ending

MAX_TOOL_STEPS = 20
"""How often an agent may use its own tools in a turn; then only the actions are offered."""

NOTHING_LEGAL = "there is nothing that it may do"
DEADLINE = "the deadline has passed"
RELEASED = "a peer's new answer made this work worthless"
CANCELLED = "the run was cancelled"


class TurnNode(Protocol):
    """A node of an agent's turn: state and runtime in, an update of the turn out."""

    def __call__(self, state: TurnState, *, runtime: Runtime[Any]) -> Awaitable[dict[str, Any]]:
        """Do the step."""
        ...


def think(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that asks an agent's model once."""

    async def think(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        if state.get("ending"):
            return {}
        live = desk.live(runtime, state)
        if not state.get("started"):
            labels = [
                label for label, agent in state["labels"].items() if agent in state["answers"]
            ]
            live.emit(runtime, state, TurnStarted(agent=member.id, answers=labels))
        legal = legal_actions(state, member.id, policy)
        if legal.nothing:
            return {"started": True, "ending": ending("abstained", NOTHING_LEGAL)}
        thought = _Thought(state, runtime, member, policy, legal, live)
        return {"started": True, **await thought.result()}

    return think


def turn_watch(
    state: TurnState,
    member: Member,
    policy: PolicyFields,
    live: LiveRun,
    called: Callable[[], tuple[str, ...]] = tuple,
) -> Watch:
    """Return what may end a wait within a turn.

    Args:
        state: The turn.
        member: Whose turn it is.
        policy: Where the deadlines come from.
        live: The run.
        called: The names of the tools whose calls have begun.
    """
    now_open = live.open_round(state["round_id"])
    hard = min(deadline(now_open.opened, policy.round_deadline_s), policy.run_deadline_s)
    soft = now_open.opened + (hard - now_open.opened) * policy.soft_share
    first_draft = state["drafts"].get(member.id, 0) == 0
    watch = Watch(
        hard=hard,
        soft=deadline(0.0, None if state.get("hurried") else soft),
        begun=lambda: any(name in ACTIONS for name in called()),
        released=now_open.released if policy.on_new_answer == "cancel" else None,
        spared=lambda: first_draft or NEW_ANSWER in called(),
    )
    now_open.turn(member.id, live.now).spared = watch.spared
    return watch


def tell_cut(
    state: TurnState, runtime: Runtime[Any], member: Member, policy: PolicyFields, live: LiveRun
) -> None:
    """Say that the round's deadline has cut a turn; the run's is told once, for all of them."""
    if live.now < policy.run_deadline_s:
        live.emit(runtime, state, DeadlineReached(which="round", agent=member.id))


class _Thought:
    """One call of one agent, from what it is sent to what it amounts to."""

    def __init__(
        self,
        state: TurnState,
        runtime: Runtime[Any],
        member: Member,
        policy: PolicyFields,
        legal: Legal,
        live: LiveRun,
    ) -> None:
        self._state, self._runtime, self._member = state, runtime, member
        self._policy, self._legal, self._live = policy, legal, live
        self._tries = state.get("tries", 0)
        use_own = not state.get("hurried") and state.get("tool_steps", 0) < MAX_TOOL_STEPS
        self._own_tools = member.tool_schemas() if use_own else ()

    async def result(self) -> dict[str, Any]:
        """Make the call, and return the update of the turn."""
        watch = turn_watch(self._state, self._member, self._policy, self._live, lambda: call.called)
        watch.call = deadline(self._live.now, self._policy.call_timeout_s)
        watch.idle_s = deadline(0.0, self._policy.idle_timeout_s)
        call = Call(self._request(), watch, self._live)
        try:
            reply = await call.run()
        except asyncio.CancelledError:
            self._tell_cancelled(call)
            raise
        spent = add_usage(self._state.get("spent", no_usage()), reply.usage)
        tries = self._tries + reply.usage["retries"]
        return {"spent": spent, "tries": tries, "flaw": None, **self._update(reply, tries)}

    def _request(self) -> Request:
        state, member = self._state, self._member
        flaw = state.get("flaw")
        return Request(
            backend=member.backend,
            messages=turn_messages(state, member, self._legal, state.get("transcript", [])),
            tools=[*action_schemas(self._legal), *self._own_tools],
            listener=self._listener(),
            requests=self._policy.attempts - self._tries,
            params=dict(member.params),
            seed=f"{self._policy.seed}:{member.id}:{state['round']}",
            delay_s=flaw["wait_s"] if flaw else 0.0,
        )

    def _listener(self) -> Listener:
        who: dict[str, Any] = {"agent": self._member.id, "attempt": self._tries + 1}

        def emit(event: Any) -> None:
            self._live.emit(self._runtime, self._state, event)

        return Listener(
            text=lambda delta: emit(AgentText(**who, delta=delta)),
            reasoning=lambda delta: emit(AgentReasoning(**who, delta=delta)),
            watched=(NEW_ANSWER, ANSWER_ARGUMENT),
            argument=lambda delta: emit(AnswerText(**who, delta=delta)),
            builtin=lambda result: emit(_builtin(who, result)),
        )

    def _update(self, reply: Reply, tries: int) -> dict[str, Any]:
        match reply.end:
            case Turn():
                return self._judged(reply.end)
            case BackendError():
                return self._broken(reply.end, tries)
            case _:
                return self._stopped(reply.end, tries)

    def _stopped(self, stop: Stop, tries: int) -> dict[str, Any]:
        match stop:
            case "released":
                return {"ending": ending("interrupted", RELEASED)}
            case "hard":
                tell_cut(self._state, self._runtime, self._member, self._policy, self._live)
                return {"ending": ending("abstained", DEADLINE)}
            case "soft":
                return {"flaw": _flaw("call", "the soft deadline has passed", soft=True)}
            case "idle":
                silence = f"The provider was silent for {self._policy.idle_timeout_s:g} s."
                return self._broken(BackendTimeoutError(silence), tries, wait=False)
            case "call":
                long = f"The call took longer than {self._policy.call_timeout_s:g} s."
                return self._broken(BackendTimeoutError(long), tries, wait=False)

    def _broken(self, error: BackendError, tries: int, *, wait: bool = True) -> dict[str, Any]:
        retry = RetryPolicy()
        if not retry.retries(error) or tries + 1 >= self._policy.attempts:
            return {"ending": ending("failed", str(error), kind=error.kind)}
        flaw = _flaw("call", str(error))
        flaw["kind"] = error.kind
        if wait:
            seed = f"{self._policy.seed}:{self._member.id}:{self._state['round']}:{tries}"
            flaw["wait_s"] = retry.delay(tries + 1, error, random.Random(seed))
        return {"flaw": flaw}

    def _judged(self, turn: Turn) -> dict[str, Any]:
        own = frozenset(tool.name for tool in self._own_tools)
        answers = {agent: answer["text"] for agent, answer in self._state["answers"].items()}
        said = {"transcript": [turn.message]}
        match judge(turn.tool_calls, self._legal, own, answers):
            case Answered(text):
                return {"ending": ending("new_answer", text)}
            case Voted(candidate, reason):
                return {"ending": ending("vote", reason, candidate=candidate)}
            case WantsTools(calls):
                return {"tool_calls": list(calls), **said}
            case Refused(what, why):
                flaw = _flaw(what, why)
                flaw["calls"] = list(turn.tool_calls)
                return {"flaw": flaw, **said}
            case Silent():
                return self._silent(turn)

    def _silent(self, turn: Turn) -> dict[str, Any]:
        if turn.finish_reason == "refusal":
            why = turn.text.strip() or "The model declined to answer."
            return {"ending": ending("failed", why, kind="refused")}
        # Providers refuse an assistant message without anything in it.
        said = {"transcript": [turn.message]} if turn.text.strip() else {}
        return {"flaw": _flaw("no tool call", "plain text ends no turn"), **said}

    def _tell_cancelled(self, call: Call) -> None:
        began = self._live.open_round(self._state["round_id"]).turn(self._member.id, self._live.now)
        event = TurnEnded(
            agent=self._member.id,
            attempt=self._tries + 1,
            outcome="interrupted",
            why=CANCELLED,
            kind=None,
            seconds=round(self._live.now - began.began, 6),
            usage=add_usage(self._state.get("spent", no_usage()), call.stopped_usage()),
        )
        self._live.emit(self._runtime, self._state, event)


def _flaw(what: str, why: str, *, soft: bool = False) -> Flaw:
    return Flaw(kind=None, what=what, why=why, soft=soft, calls=[], wait_s=0.0)


def _builtin(who: dict[str, Any], result: Any) -> ToolFinished:
    name = str(result.get("type", "builtin")) if isinstance(result, dict) else "builtin"
    return ToolFinished(**who, name=name, result=str(result), error=None, seconds=0.0, builtin=True)
