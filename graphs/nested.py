"""A graph as an agent: a team answers, and votes, where one model would.

    inner = Team([...])
    outer = Team([Agent("panel", backend=inner), Agent("carol", backend="openai:gpt-5.4")])

The inner team works on the outer agent's question by its own rules. Its presenter then acts for it:
it is offered what the outer agent may do, and so the panel votes like anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any, cast

from langchain_core.messages import AnyMessage
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from ..backends.base import LLMBackend, ToolSchema
from ..backends.chunks import StreamChunk, UsageChunk
from ..backends.errors import UserError
from ..backends.wrapped import closing
from ..nodes.toolbox import Toolbox
from .composition import CoordinationGraph
from .gates import gates
from .inner_run import InnerRun

AnyGraph = Pregel[Any, Any, Any, Any]


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
        if not isinstance(cast("object", graph), Pregel):
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
    def is_team(self) -> bool:
        """Whether the graph is a team's, whose presenter acts for it."""
        return self._team is not None

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
        """Return what one such call of each agent inside would cost, together."""
        members = self._team.members if self._team is not None else ()
        costs = [one.backend.estimate_cost(input_tokens, output_tokens) for one in members]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Let the graph work, and stream how its last call acts."""
        run = InnerRun(self, messages, tools)
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
        async with closing(self.voice.stream_with_tools(run.told(), tools)) as stream:
            async for chunk in stream:
                if isinstance(chunk, UsageChunk):
                    yield UsageChunk(run.used + self.voice.priced(chunk.usage))
                else:
                    yield chunk

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
