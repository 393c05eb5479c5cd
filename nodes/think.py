"""`think`: one call of an agent's model, and what it amounts to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime

from ..backends.errors import BackendError
from ..backends.fold import Turn
from .actions import (
    ANSWER_ARGUMENT,
    NEW_ANSWER,
    Answered,
    Refused,
    Silent,
    Voted,
    WantsTools,
    judge,
    offered_tools,
)
from .agent_turn import NOTHING_LEGAL, AgentTurn, TurnNode
from .budget import RUN_BUDGET
from .events import (
    AgentReasoning,
    AgentStatus,
    AgentText,
    AnswerText,
    CallRetried,
    ToolFinished,
    TurnStarted,
)
from .findings import finding
from .ledger import Refusal
from .listener import Listener
from .live import Desk
from .member import Member
from .opening import open_tools
from .policy import PolicyFields
from .prompts import turn_messages
from .state import add_usage
from .stream import Call, Reply, Request, deadline, wait_before_next
from .turn import Flaw, TurnState, ending

MAX_TOOL_STEPS = 20
"""How often an agent may use its own tools in a turn; then only the actions are offered."""


def think(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that asks an agent's model once."""

    async def think(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        _ = member.inner  # LangGraph finds a node's subgraph by its code: for xray and checkpoints
        if state.get("ending"):
            return {}
        turn = AgentTurn(state, runtime, member, policy, desk)
        if not state.get("started"):
            turn.emit(TurnStarted(agent=member.id, answers=list(turn.seen)))
        closed = await _closed(turn)
        if closed is not None and not await turn.is_paid():
            return {"started": True, **closed}
        return {"started": True, **await _Thought(turn).result()}

    return think


async def _closed(turn: AgentTurn) -> dict[str, Any] | None:
    """Return the update of a turn that comes to no call, if it does."""
    if turn.is_cancelled:
        return turn.cancelled()
    if turn.legal.nothing:
        return turn.ended(ending("abstained", NOTHING_LEGAL))
    if turn.state.get("limit") == "budget":
        return turn.ended(ending("abstained", RUN_BUDGET))
    return await open_tools(turn)


class _Thought:
    """One call of one agent, from what it is sent to what it amounts to."""

    def __init__(self, turn: AgentTurn) -> None:
        self._turn = turn
        self._policy, self._legal = turn.policy, turn.legal
        hurried, steps = self._state.get("hurried"), self._state.get("tool_steps", 0)
        may_use_own = not hurried and steps < MAX_TOOL_STEPS
        self._own_tools = turn.member.tool_schemas() if may_use_own else ()

    async def result(self) -> dict[str, Any]:
        """Make the call, afresh as often as a person wants it, and return the turn's update."""
        turn = self._turn
        while True:
            reply = await self._replied()
            spent = add_usage(turn.spent, reply.usage)
            tries = turn.tries + reply.usage["retries"]
            turn.note(spent, tries)
            if reply.end != "retried" and not await self._is_void(reply):
                return {"spent": spent, "tries": tries, "flaw": None, **self._update(reply, tries)}
            turn.retried(spent)
            if reply.end == "retried":
                await turn.leave_slot()

    async def _replied(self) -> Reply:
        turn, policy = self._turn, self._policy
        watch = turn.watch(lambda: call.called)
        watch.call = deadline(turn.live.now, policy.call_timeout_s)
        watch.idle_s = deadline(0.0, policy.idle_timeout_s)
        call = Call(self._request(lambda: call.retries), watch, turn.live)
        try:
            return await call.run()
        except asyncio.CancelledError:
            turn.tell_cancelled(call.stopped_usage)
            raise
        except BaseException:  # the run can't go on, and whoever ends it tells what was spent
            turn.note(add_usage(turn.spent, call.stopped_usage), turn.tries + call.retries)
            raise

    async def _is_void(self, reply: Reply) -> bool:
        """Return whether a person had the call made afresh, before the run went on from there."""
        return reply.replayed and await self._turn.is_paid()

    @property
    def _state(self) -> TurnState:
        return self._turn.state

    @property
    def _transcript(self) -> list[AnyMessage]:
        return self._state.get("transcript", [])

    def _request(self, retries: Callable[[], int]) -> Request:
        state, member = self._state, self._turn.member
        flaw, brief = state.get("flaw"), member.backend.brief_prompts
        return Request(
            backend=member.backend,
            messages=turn_messages(state, member, self._policy, self._legal, self._transcript),
            tools=offered_tools(self._legal, self._own_tools, brief=brief),
            listener=self._listener(retries),
            requests=self._policy.attempts - self._turn.tries,
            seed=self._seed,
            delay_s=flaw["wait_s"] if flaw else 0.0,
            account=self._turn.account,
            slot=self._turn.next_slot(),
        )

    @property
    def _seed(self) -> str:
        place = (self._turn.member.id, self._state["round"], self._turn.tries)
        return f"{self._policy.seed}:{place}"

    def _listener(self, retries: Callable[[], int]) -> Listener:
        def who() -> dict[str, Any]:
            return self._turn.who(retries())

        emit = self._turn.emit
        return Listener(
            text=lambda delta: emit(AgentText(**who(), delta=delta)),
            reasoning=lambda delta: emit(AgentReasoning(**who(), delta=delta)),
            watched=(NEW_ANSWER, ANSWER_ARGUMENT),
            argument=lambda delta: emit(AnswerText(**who(), delta=delta)),
            builtin=lambda result: emit(_builtin(who(), result)),
            retried=lambda why, wait_s: emit(CallRetried(**who(), why=why, wait_s=wait_s)),
            status=lambda status: emit(AgentStatus(**who(), status=status)),
            ended=lambda end: emit(end.event(self._turn.member.backend, **who())),
        )

    def _update(self, reply: Reply, tries: int) -> dict[str, Any]:
        # It may end, or be stopped, in the very moment in which a person ends the turn, or in which
        # a peer has made it worthless.
        overtaken = self._turn.overtaken() if reply.end != "cancelled" else None
        if overtaken is not None:
            return overtaken
        match reply.end:
            case Turn():
                return self._judged(reply.end)
            case BackendError():
                return self._broken(reply.end, tries)
            case Refusal():
                return self._turn.refused(reply.end)
            case "soft":
                return {"flaw": _flaw("call", "the soft deadline has passed", soft=True)}
            case _:
                return self._turn.stopped(reply.end)

    def _broken(self, error: BackendError, tries: int) -> dict[str, Any]:
        wait_s = wait_before_next(error, tries + 1, self._seed)
        if wait_s is None or tries + 1 >= self._policy.attempts:
            return self._turn.ended(ending("failed", str(error), kind=error.kind))
        flaw = _flaw("call", str(error))
        flaw["kind"], flaw["wait_s"] = error.kind, wait_s
        return {"flaw": flaw}

    def _judged(self, turn: Turn) -> dict[str, Any]:
        own = frozenset(tool.name for tool in self._own_tools)
        seen = {label: answer["text"] for label, answer in self._turn.seen.items()}
        said = {"transcript": [turn.message]}
        match judge(turn.tool_calls, self._legal, own, seen, self._turn.novelty):
            case Answered(text):
                return self._turn.ended(ending("new_answer", text))
            case Voted(candidate, reason, ranking):
                vote = ending("vote", reason, candidate=candidate, ranking=ranking)
                return self._turn.ended(vote)
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
            return self._turn.ended(ending("failed", why, kind="refused"))
        # Providers refuse an assistant message without anything in it.
        said = {"transcript": [turn.message]} if turn.text.strip() else {}
        return {"flaw": _flaw("no tool call", "plain text ends no turn"), **said}


def _flaw(what: str, why: str, *, soft: bool = False) -> Flaw:
    return Flaw(kind=None, what=what, why=why, soft=soft, calls=[], wait_s=0.0)


def _builtin(who: dict[str, Any], result: Mapping[str, Any]) -> ToolFinished:
    error = result.get("error")
    return ToolFinished(
        **who,
        name=str(result.get("type", "builtin")),
        result=None if error else finding(result),
        error=str(error) if error else None,
        seconds=0.0,
        builtin=True,
    )
