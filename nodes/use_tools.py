"""`use_tools`: run an agent's own tools, and hand back results, errors and time limits."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import ToolCall
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from .actions import legal_actions
from .daemons import DaemonThreads
from .enforce import tool_errors
from .events import DeadlineReached, ToolFinished, ToolStarted, TurnEnded
from .live import Desk, LiveRun
from .member import Member
from .policy import PolicyFields
from .prompts import notice
from .race import check_not_stopped, race
from .state import no_usage
from .think import CANCELLED, DEADLINE, RELEASED, TurnNode, tell_cut, turn_watch
from .turn import TurnState, ending

_THREADS = DaemonThreads()


def use_tools(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that runs the tools which an agent's model asked for, at the same time."""

    async def use_tools(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        calls = state["tool_calls"]
        work = _Work(state, runtime, member, live)
        update: dict[str, Any] = {
            "tool_calls": [],
            "tool_steps": state.get("tool_steps", 0) + 1,
        }
        watch = turn_watch(state, member, policy, live)
        try:
            end = await race(lambda: work.all(calls), watch, live)
        except asyncio.CancelledError:
            work.tell_cancelled()
            raise
        match end:
            case list():
                return update | {"transcript": end}
            case "released":
                return update | {"ending": ending("interrupted", RELEASED)}
            case "soft":
                live.emit(runtime, state, DeadlineReached(which="soft", agent=member.id))
                told = [
                    *tool_errors(calls, "Stopped: time is nearly up."),
                    HumanMessage(notice(legal_actions(state, member.id, policy))),
                ]
                return update | {"hurried": True, "transcript": told}
            case _:
                tell_cut(state, runtime, member, policy, live)
                return update | {"ending": ending("abstained", DEADLINE)}

    return use_tools


class _Work:
    """The tool calls of one reply."""

    def __init__(
        self, state: TurnState, runtime: Runtime[Any], member: Member, live: LiveRun
    ) -> None:
        self._state, self._runtime, self._member, self._live = state, runtime, member, live
        self._attempt = state.get("tries", 0) + 1

    async def all(self, calls: list[ToolCall]) -> list[AnyMessage]:
        """Run all calls at once, and return their results in order."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(call)) for call in calls]
        except BaseExceptionGroup as exc:
            raise exc.exceptions[0] from None  # LangGraph's own: nothing else gets out of `_one`
        return [task.result() for task in tasks]

    async def _one(self, call: ToolCall) -> ToolMessage:
        who: dict[str, Any] = {"agent": self._member.id, "attempt": self._attempt}
        began = self._live.now
        self._emit(ToolStarted(**who, name=call["name"], arguments=call["args"]))
        message = await self._run(call)
        check_not_stopped()
        failed = message.status == "error"
        finished = ToolFinished(
            **who,
            name=call["name"],
            result=None if failed else message.text,
            error=message.text if failed else None,
            seconds=round(self._live.now - began, 6),
        )
        self._emit(finished)
        return message

    async def _run(self, call: ToolCall) -> ToolMessage:
        tool = self._member.tool(call["name"])
        assert tool is not None  # judged before: only offered tools come here
        limit = self._member.tool_timeout_s
        timeout = asyncio.timeout(limit)
        try:
            async with timeout:
                result = await _invoke(tool, call)
        except GraphBubbleUp:
            raise
        except asyncio.CancelledError:
            check_not_stopped()
            return self._error(call, "The tool failed: CancelledError, raised by itself.")
        except TimeoutError as exc:
            if timeout.expired():
                return self._error(call, f"The tool took longer than {limit:g} s.")
            return self._error(call, f"The tool failed: TimeoutError: {exc}")
        except Exception as exc:  # whatever a tool raises is for the model to know
            return self._error(call, f"The tool failed: {type(exc).__name__}: {exc}")
        if isinstance(result, ToolMessage):
            return _plain(call, result)
        return self._member.backend.tool_result_message(call, str(result))

    def _error(self, call: ToolCall, text: str) -> ToolMessage:
        return self._member.backend.tool_result_message(call, text, error=True)

    def _emit(self, event: ToolStarted | ToolFinished | TurnEnded) -> None:
        self._live.emit(self._runtime, self._state, event)

    def tell_cancelled(self) -> None:
        """Say that the turn ended because the run was cancelled."""
        turn = self._live.open_round(self._state["round_id"]).turn(self._member.id, self._live.now)
        self._emit(
            TurnEnded(
                agent=self._member.id,
                attempt=self._attempt,
                outcome="interrupted",
                why=CANCELLED,
                kind=None,
                seconds=round(self._live.now - turn.began, 6),
                usage=self._state.get("spent", no_usage()),
            )
        )


async def _invoke(tool: BaseTool, call: ToolCall) -> Any:
    """Call a tool; one that is a plain function, in a thread that nobody has to wait for."""
    given = {**call, "type": "tool_call"}
    is_async = type(tool)._arun is not BaseTool._arun  # pyright: ignore[reportPrivateUsage]
    if isinstance(tool, StructuredTool | Tool):
        is_async = tool.coroutine is not None
    if is_async:
        return await tool.ainvoke(given)
    context, loop = copy_context(), asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, lambda: context.run(tool.invoke, given))


def _plain(call: ToolCall, said: ToolMessage) -> ToolMessage:
    """Return a tool's own message as the result of its call, without what cannot be stored."""
    return ToolMessage(
        said.content, tool_call_id=call["id"] or "", name=call["name"], status=said.status
    )
