"""Assembly: what a team has built of its agents, each of them once, and the graph of them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .agent import Agent
from .backends.base import LLMBackend
from .backends.errors import UserError
from .backends.off_loop import off_loop
from .backing import prepared
from .graphs.composition import GraphFactory, TeamGraph
from .graphs.gates import gates
from .graphs.prebuilt import made
from .graphs.prices import check_prices
from .nodes.policy import Policy
from .tools.opening import close_toolboxes, open_toolboxes

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from .store.base import Storage

logger = logging.getLogger("massgraph")


class Assembly:
    """The backends of a team's agents, and the graph of those that it has now.

    Args:
        factory: What makes the graph.
        policy: How the agents coordinate.
        whole: A graph that is compiled already; then nothing is made.
    """

    def __init__(
        self, factory: GraphFactory, policy: Policy, *, whole: TeamGraph | None = None
    ) -> None:
        self.whole = whole
        self._factory, self._policy = factory, policy
        self._backends: list[tuple[Agent, LLMBackend]] = []
        self._graph: tuple[tuple[Agent, ...], TeamGraph] | None = None
        self._lock = threading.Lock()

    def compiled(
        self, agents: Sequence[Agent], checkpointer: BaseCheckpointSaver[Any] | None
    ) -> TeamGraph:
        """Return the graph of these agents.

        Raises:
            UserError: When a key, an extra, a file or a price is missing.
        """
        backends = self._built(agents)
        members = [agent.member(one) for agent, one in zip(agents, backends, strict=True)]
        check_prices(members, self._policy)
        if self.whole is not None:
            return self.whole.copy({"checkpointer": checkpointer})
        return made(self._factory, members, self._policy).compile(checkpointer)

    async def ready(self, agents: tuple[Agent, ...], storage: Storage | None) -> TeamGraph:
        """Return the graph of these agents, with everything prepared and open.

        Everything is built that takes long, off the event loop.

        Raises:
            UserError: When something is missing, or the graph waits for a person.
            StoreError: When the store can't be reached.
        """
        of, graph = self._graph or (None, None)
        if graph is None or of is not agents:
            graph = await off_loop(partial(self._made_ready, agents))
        await prepared({backend for backend in self._built(agents) if backend.prepare_first})
        await open_toolboxes(agents)
        if storage is None:
            return graph
        return graph.copy({"checkpointer": (await storage.opened()).saver})

    async def aclose(self) -> None:
        """Close what backends and tools have opened on this event loop."""
        backends = {backend for _, backend in self._backends}
        ends = await asyncio.gather(
            *(backend.aclose() for backend in backends), return_exceptions=True
        )
        for end in [*ends, *await close_toolboxes([agent for agent, _ in self._backends])]:
            if isinstance(end, Exception):  # a result is not lost for what comes after it
                logger.error("A backend or a tool could not be closed.", exc_info=end)

    def _made_ready(self, agents: tuple[Agent, ...]) -> TeamGraph:
        graph = self.compiled(agents, None)
        waits = gates(graph)
        if waits:
            raise UserError(
                f"The graph {graph.name!r} waits for a person at {', '.join(waits)}:",
                hint="run it as a plain graph, team.compile(checkpointer), and go on with Command.",
            )
        with self._lock:
            of, made_first = self._graph or (None, None)
            if made_first is not None and of is agents:
                return made_first
            self._graph = (agents, graph)
            return graph

    def _built(self, agents: Sequence[Agent]) -> list[LLMBackend]:
        with self._lock:
            return [self._backend_of(agent) for agent in agents]

    def _backend_of(self, agent: Agent) -> LLMBackend:
        for known, backend in self._backends:
            if known is agent:
                return backend
        built = agent.build_backend()
        self._backends.append((agent, built))
        return built
