"""A graph as an agent: a team answers, and votes, where one model would.

    inner = Team([...])
    outer = Team([Agent("panel", backend=inner), Agent("carol", backend="openai:gpt-5.4")])

The inner team works on the outer agent's question by its own rules. Its presenter then acts for it:
it is offered what the outer agent may do, and so the panel votes like anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolCall
from langgraph.errors import GraphBubbleUp
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from ..backends.base import LLMBackend, ToolSchema
from ..backends.chunks import (
    AgentStatusChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
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
    UserError,
)
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
from ..nodes.toolbox import Toolbox
from .broken import told
from .composition import CoordinationGraph
from .gates import gates
from .handing_down import act, question_of, speak

AnyGraph = Pregel[Any, Any, Any, Any]

ALIVE_EVERY_S = 1.0
"""How often an inner run says that it works: a silence would be taken for a provider's."""


class GraphBackend(LLMBackend):
    """Answers with a graph.

    Args:
        graph: A compiled graph of a team; or any compiled graph that takes and returns `messages`.
        voice: Who acts on what a graph has come to that is no team's: it is shown the graph's last
            message, and offered the outer agent's tools. A team's presenter does that by itself.
        alone: Whether it is the only agent, whose answer stands: then it needs no voice.

    Raises:
        UserError: When the graph waits for a person somewhere, or is no team's and has no voice.
    """

    def __init__(
        self, graph: AnyGraph, *, voice: LLMBackend | None = None, alone: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(graph, Pregel):
            raise UserError(
                f"A graph backend takes a compiled graph, not a {type(graph).__name__}: compile it."
            )
        self.graph = graph
        self.voice = voice
        self.model = str(graph.name)
        waits = gates(graph)
        if waits:
            raise UserError(
                f"The graph {self.model!r} waits for a person at {', '.join(waits)}: "
                "an agent's graph can't; put the gate into the outer graph."
            )
        builder = graph.builder if isinstance(graph, CompiledStateGraph) else None
        self._team = builder if isinstance(builder, CoordinationGraph) else None
        if self._team is None and voice is None and not alone:
            raise UserError(
                f"The graph {self.model!r} is no team's, so it can't vote: "
                "say who speaks for it, GraphBackend(graph, voice=BACKEND)."
            )
        self.brief_prompts = self._speaks_briefly()

    @property
    def provider_name(self) -> str:
        """`graph`."""
        return "graph"

    async def prepare(self) -> None:
        """Prepare the backends and the tools inside, as far as a run waits for them."""
        parts = [part for part in self._parts() if getattr(part, "prepare_first", True)]
        await _all_of([part.prepare() for part in parts])

    async def aclose(self) -> None:
        """Close what the backends and the tools inside have opened on this event loop."""
        await _all_of([part.aclose() for part in self._parts()])

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what a call of so many tokens would cost of each backend inside, together."""
        costs = [one.estimate_cost(input_tokens, output_tokens) for one in self._inside()]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if self._team and len(known) == len(costs) else None

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Let the graph work, and stream how its last call acts."""
        run = _InnerRun(self, messages, tools)
        task = asyncio.create_task(run.work(), name=f"graph {self.model}")
        task.add_done_callback(lambda _: run.chunks.put_nowait(None))
        try:
            while (chunk := await run.next_chunk()) is not None:
                yield chunk
            task.result()
        finally:
            await _stopped(task)
        if run.ending is not None:
            yield UsageChunk(run.used)
            for chunk in run.ending:
                yield chunk
            return
        assert self.voice is not None
        async for chunk in self.voice.stream_with_tools(run.told(), tools):
            yield chunk if not isinstance(chunk, UsageChunk) else UsageChunk(run.used + chunk.usage)

    def _inside(self) -> set[LLMBackend]:
        members = {member.backend for member in self._team.members} if self._team else set()
        return members | ({self.voice} if self.voice is not None else set())

    def _parts(self) -> list[LLMBackend | Toolbox]:
        return [*self._inside(), *self._toolboxes()]

    def _toolboxes(self) -> list[Toolbox]:
        members = self._team.members if self._team else ()
        return list({box.opened_by: box for member in members for box in member.toolboxes}.values())

    def _speaks_briefly(self) -> bool:
        return all(backend.brief_prompts for backend in self._inside())


class _InnerRun:
    """One run of the inner graph, for one call of the outer agent."""

    def __init__(
        self, backend: GraphBackend, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema]
    ) -> None:
        self._backend, self._messages, self._tools = backend, messages, tools
        self.chunks: asyncio.Queue[StreamChunk | None] = asyncio.Queue()
        self.ending: list[StreamChunk] | None = None
        self._presented: list[StreamChunk] = []
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
        live = LiveRun(sink=self._hear, outer=self._outer())
        team = self._backend._team is not None  # pyright: ignore[reportPrivateUsage]
        try:
            end = await self._backend.graph.ainvoke(
                {"messages": messages}, context=live if team else None
            )
        except (BackendError, GraphBubbleUp):
            raise
        except Exception as exc:
            name = self._backend.model
            raise InternalBackendError(f"The graph {name!r} broke {told(exc)}") from exc
        finally:
            await live.aclose()
        if team:
            self._settle(end)
        last = _last_message(end, self._backend.model)
        if not team and self._backend.voice is not None:
            self._said = last.text
            return
        self.ending = self._ending(last if isinstance(last, AIMessage) else AIMessage(last.text))

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
            chunk=self._presented.append,
            again=self._presented.clear,
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
            kept: list[StreamChunk] = [
                chunk for chunk in self._presented if not isinstance(chunk, _INNER_ONLY)
            ]
            return kept or _said(last)
        if any(tool.name == NEW_ANSWER for tool in self._tools):
            call = ToolCall(name=NEW_ANSWER, args={ANSWER_ARGUMENT: last.text}, id="inner")
            return [ToolCallsChunk((call,)), DoneChunk("tool_calls")]
        raise MalformedResponseError("The inner team's presenter could not act for it.")


_INNER_ONLY = (UsageChunk, CompleteMessageChunk, CompleteResponseChunk)
"""Chunks of a presenting call that mean nothing outside: the usage is counted by events."""


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


async def _all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it, whatever goes wrong with a part, and raise the first thing that did."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end


async def _stopped(task: asyncio.Task[None]) -> None:
    """Stop the inner run, if it still runs, and wait until its providers have let go."""
    task.cancel()
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # whoever waits is cancelled too: that comes after
            cancelled = True
    if not task.cancelled():
        task.exception()  # it was raised by whoever awaited the result
    if cancelled:
        raise asyncio.CancelledError
