"""One run of a graph that answers for an agent: what goes in, what is told, and what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, AnyMessage, ToolCall
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import get_runtime

from ..backends.base import ToolSchema
from ..backends.chunks import (
    AgentStatusChunk,
    CompleteMessageChunk,
    ContentChunk,
    DoneChunk,
    StreamChunk,
    ToolCallsChunk,
    UsageChunk,
)
from ..backends.errors import (
    AuthError,
    BackendError,
    BadRequestError,
    InternalBackendError,
    MalformedResponseError,
    RefusedError,
    StoreError,
)
from ..backends.reply import ReplyTape
from ..backends.usage import TokenUsage
from ..nodes.actions import ANSWER_ARGUMENT, NEW_ANSWER
from ..nodes.events import (
    AgentStatus,
    Event,
    PresentingEnded,
    TurnEnded,
    Verdict,
    WinnerSelected,
)
from ..nodes.live import LiveRun
from ..nodes.outer import OuterCall
from ..nodes.state import Usage, add_usage, no_usage
from .broken import told
from .handing_down import act, question_of, speak
from .resuming import Saved

if TYPE_CHECKING:
    from .composition import CoordinationGraph, TeamGraph
    from .nested import GraphBackend

ALIVE_EVERY_S = 1.0
"""How often an inner run says that it works: a silence would be taken for a provider's."""


class InnerRun:
    """One run of the inner graph, for one call of the outer agent."""

    def __init__(
        self, backend: GraphBackend, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema]
    ) -> None:
        self._backend, self._messages, self._tools = backend, messages, tools
        self.chunks: asyncio.Queue[StreamChunk | None] = asyncio.Queue()
        self.ending: list[StreamChunk] | None = None
        self._presented = ReplyTape(lambda: 0.0)
        self._usage: Usage = no_usage()
        self._said = ""
        self._last_status = "the inner team works"

    @property
    def used(self) -> TokenUsage:
        """What the inner agents have used so far."""
        usage = self._usage
        return TokenUsage(
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            cached_tokens=usage["cached_tokens"],
            reasoning_tokens=usage["reasoning_tokens"],
            estimated_cost=usage["cost_usd"],
        )

    async def work(self) -> None:
        """Run the graph to its end."""
        brief = self._backend.brief_prompts
        messages = question_of(self._messages, brief=brief)
        around = _around()
        journal = around.journal if around is not None else None
        live = LiveRun(sink=self._hear, outer=self._outer(), journal=journal)
        team = self._backend.is_team
        try:
            if team and around is not None and journal is not None:
                await self._count_what_is_stored(live, around)
            end = await self._backend.graph.ainvoke(
                {"messages": messages}, context=live if team else None
            )
        except (BackendError, GraphBubbleUp, StoreError):
            raise
        except Exception as exc:
            what = f"The graph {self._backend.model!r}"
            raise InternalBackendError(told(what, exc)) from exc
        finally:
            await live.aclose()
        if team:
            self._settle(end)
        last = _last_message(end, self._backend.model)
        if not team and self._backend.voice is not None:
            self._said = last.text
            return
        self.ending = self._ending(last if isinstance(last, AIMessage) else AIMessage(last.text))

    async def _count_what_is_stored(self, live: LiveRun, around: LiveRun) -> None:
        """Let the budgets of a run that goes on know what it used before it was cut.

        LangGraph keeps a node's first inner run at the node's own place, and one that is asked
        afresh at another: that is a new run, with nothing used.
        """
        config = get_config()
        place = config["configurable"]["checkpoint_ns"]
        if place in around.entered:
            return
        around.entered.add(place)
        graph = cast("TeamGraph", self._backend.graph)
        saved = await Saved.of(graph, config)
        if saved is not None and saved.begun:
            members = cast("CoordinationGraph", graph.builder).by_id
            await saved.count(live.ledger, members, live.journal)

    def _settle(self, end: Mapping[str, Any]) -> None:
        """Take the usage from the end of a run: a resumed one has told only a part of it."""
        self._usage = reduce(add_usage, end["usage"].values(), no_usage())
        self.chunks.put_nowait(UsageChunk(self.used))
        if end["outcome"] != "settled":
            raise _no_answer(end)

    async def next_chunk(self) -> StreamChunk | None:
        """Return the next chunk, None at the end; a sign of life while there is none."""
        try:
            return await asyncio.wait_for(self.chunks.get(), ALIVE_EVERY_S)
        except TimeoutError:
            return AgentStatusChunk(self._last_status)

    def told(self) -> list[AnyMessage]:
        """Return the conversation for the voice, with what the graph has come to."""
        return speak(self._messages, self._said)

    def _outer(self) -> OuterCall:
        system = [m.text for m in self._messages if m.type == "system"]
        return OuterCall(
            tools=tuple(self._tools),
            messages=lambda messages: act(messages, system, offered=bool(self._tools)),
            chunk=self._presented.take,
            again=self._presented.again,
        )

    def _hear(self, event: Event) -> None:
        """Pass on what an inner team does: as signs of life, and for what it costs."""
        match event:
            case TurnEnded():
                self._count(event.usage)
                self._status(f"{event.agent}: {event.outcome}")
            case PresentingEnded():
                self._count(event.usage)
            case AgentStatus():
                self._status(f"{event.agent}: {event.status}")
            case Verdict():
                self._status(f"verdict: {event.verdict}")
            case WinnerSelected():
                self._status(f"winner: {event.winner}")
            case _:
                pass

    def _count(self, usage: Usage) -> None:
        self._usage = add_usage(self._usage, usage)
        self.chunks.put_nowait(UsageChunk(self.used))

    def _status(self, status: str) -> None:
        self._last_status = status
        self.chunks.put_nowait(AgentStatusChunk(status))

    def _ending(self, last: AIMessage) -> list[StreamChunk]:
        """Return the chunks of the call that acted; a stored answer is given as a new one."""
        if last.tool_calls or not self._tools:
            said = [one.chunk for one in self._presented.reply().said]
            kept: list[StreamChunk] = [
                chunk for chunk in said if not isinstance(chunk, _INNER_ONLY)
            ]
            return kept or _said(last)
        if any(tool.name == NEW_ANSWER for tool in self._tools):
            call = ToolCall(name=NEW_ANSWER, args={ANSWER_ARGUMENT: last.text}, id="inner")
            return [ToolCallsChunk((call,)), DoneChunk("tool_calls")]
        raise MalformedResponseError("The inner team's presenter could not act for it.")


_INNER_ONLY = (UsageChunk, CompleteMessageChunk)
"""Chunks of a presenting call that mean nothing outside: the usage is counted by events."""


def _around() -> LiveRun | None:
    """Return the live side of the run around this one, if it is a team's."""
    try:
        runtime: Any = get_runtime()
    except RuntimeError:  # called by hand, outside any graph
        return None
    around = getattr(runtime, "context", None)
    return around if isinstance(around, LiveRun) else None


def _said(message: AIMessage) -> list[StreamChunk]:
    """Return the chunks of a call that was made before the run was resumed."""
    chunks: list[StreamChunk] = [ContentChunk(message.text)] if message.text else []
    if message.tool_calls:
        chunks.append(ToolCallsChunk(tuple(message.tool_calls)))
    return [*chunks, DoneChunk("tool_calls" if message.tool_calls else "stop")]


def _last_message(end: Any, name: str) -> AnyMessage:
    messages = end.get("messages") if isinstance(end, Mapping) else None
    if not messages:
        raise InternalBackendError(f"The graph {name!r} has come to no messages.")
    last: AnyMessage = messages[-1]
    return last


def _no_answer(end: Mapping[str, Any]) -> BackendError:
    """Return why an inner team has no answer; its agents have been asked often enough."""
    whys = [f"{agent}: {failure['message']}" for agent, failure in end["failures"].items()]
    whys += [f"{agent}: {why}" for agent, why in end["abstained"].items()]
    kinds = {failure["kind"] for failure in end["failures"].values()}
    found = next((kind for kind in FINAL if {kind.kind} == kinds), RefusedError)
    return found(f"The inner team has no answer{': ' + '; '.join(whys) if whys else '.'}")


FINAL = (AuthError, BadRequestError)
"""Errors that are the same for the outer agent, and that nobody tries again."""
