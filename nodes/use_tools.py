"""`use_tools`: run an agent's own tools, and hand back results, errors and time limits."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

from langchain_core.messages import AnyMessage, ToolMessage
from langchain_core.messages.tool import ToolCall
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from ..backends.errors import UserError
from .agent_turn import AgentTurn, TurnNode
from .cut import cut_middle, sendable
from .daemons import DaemonThreads
from .enforce import tool_errors
from .events import ToolFinished, ToolStarted
from .live import Desk
from .member import Member, time_limit
from .policy import PolicyFields
from .race import check_not_stopped, race
from .turn import TurnState

_THREADS = DaemonThreads()


def use_tools(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that runs the tools which an agent's model asked for, at the same time."""

    async def use_tools(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        turn = AgentTurn(state, runtime, member, policy, desk)
        calls = state["tool_calls"]
        update: dict[str, Any] = {
            "tool_calls": [],
            "tool_steps": state.get("tool_steps", 0) + 1,
        }
        try:
            end = await race(lambda: _Work(turn).all(calls), turn.watch(), turn.live)
        except asyncio.CancelledError:
            turn.tell_cancelled()
            raise
        if isinstance(end, list):
            return update | {"transcript": end}
        if end != "cancelled" and turn.is_released:
            return update | turn.released()
        match end:
            case "retried":
                turn.retried(turn.spent)
                return update | {"transcript": tool_errors(calls, "Stopped: begin afresh.")}
            case "soft":
                told = tool_errors(calls, "Stopped: time is nearly up.")
                hurried = turn.hurried()
                return update | hurried | {"transcript": [*told, *hurried["transcript"]]}
            case _:
                return update | turn.stopped(end)

    return use_tools


class _Work:
    """The tool calls of one reply."""

    def __init__(self, turn: AgentTurn) -> None:
        self._turn, self._member = turn, turn.member

    async def all(self, calls: list[ToolCall]) -> list[AnyMessage]:
        """Run all calls at once, and return their results in order."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(call)) for call in calls]
        except BaseExceptionGroup as exc:
            raise exc.exceptions[0] from None  # LangGraph's own: nothing else gets out of `_one`
        return [task.result() for task in tasks]

    async def _one(self, call: ToolCall) -> ToolMessage:
        turn, name = self._turn, call["name"]
        began = turn.live.now
        turn.emit(ToolStarted(**turn.who(), name=name, arguments=call["args"]))
        message = await self._run(call)
        check_not_stopped()
        failed = message.status == "error"
        finished = ToolFinished(
            **turn.who(),
            name=name,
            result=None if failed else message.text,
            error=message.text if failed else None,
            seconds=round(turn.live.now - began, 6),
        )
        turn.emit(finished)
        return message

    async def _run(self, call: ToolCall) -> ToolMessage:
        tool = await self._tool(call["name"])
        if isinstance(tool, str):
            return self._error(call, f"The tool is not there any more{tool}.")
        limit = time_limit(tool, self._member)
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
            late = f"The tool took longer than {limit:g} s."
            own = f"The tool failed: TimeoutError: {exc}"
            return self._error(call, late if timeout.expired() else own)
        except Exception as exc:  # whatever a tool raises is for the model to know
            return self._error(call, f"The tool failed: {type(exc).__name__}: {exc}")
        if isinstance(result, ToolMessage):
            return _plain(call, result, self._member.max_tool_chars)
        text = cut_middle(sendable(str(result)), self._member.max_tool_chars)
        return self._member.backend.tool_result_message(call, text)

    async def _tool(self, name: str) -> BaseTool | str:
        """Return the tool; or why not: it was offered, but may have gone when a run is resumed."""
        try:
            return (await self._member.opened()).tool(name) or ""
        except UserError as exc:
            return f": {exc}"

    def _error(self, call: ToolCall, text: str) -> ToolMessage:
        text = cut_middle(sendable(text), self._member.max_tool_chars)
        return self._member.backend.tool_result_message(call, text, error=True)


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


def _plain(call: ToolCall, said: ToolMessage, most: int) -> ToolMessage:
    """Return a tool's own message as the result of its call, without what cannot be stored.

    A text of more than `most` characters is cut.
    """
    text = cut_middle(sendable(said.text), most)
    content = said.content if text == said.text else text
    return ToolMessage(
        content, tool_call_id=call["id"] or "", name=call["name"], status=said.status
    )
