"""Team: a prebuilt coordination graph, and every way to run it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

from langchain_core.messages import AnyMessage
from langgraph.checkpoint.base import BaseCheckpointSaver

from .agent import Agent
from .assembly import Assembly
from .backends.errors import UserError
from .closing import AsyncClosing
from .graphs.composition import CoordinationGraph, GraphFactory, TeamGraph
from .graphs.keeping import NOTHING, Keeper
from .graphs.names import id_for
from .graphs.nested import AnyGraph, GraphBackend
from .graphs.prebuilt import check_factory, graph_factory, made
from .graphs.running import GraphRun
from .loops import LoopThread, run_anywhere
from .nodes.events import Event
from .nodes.member import Member
from .nodes.policy import Policy
from .observing import Observer, Watching
from .question import conversation
from .record.records import Records
from .result import Result
from .run import Run
from .store.base import Storage
from .store.given import GivenStorage
from .thread_ids import check_thread_id, new_thread_id, one_run_at_a_time

logger = logging.getLogger("massgraph")

_Saver = BaseCheckpointSaver[Any]


class Team(AsyncClosing):
    """A team of agents that answers questions through the coordination graph.

    Args:
        agents: The agents, in registration order.
        policy: How they coordinate; every key has a default.
        graph: The graph in which they do: `team`, `single`, `debate`, `mixture`, `council`,
            `self_consistency`; or a function (members, policy) that returns one of your own.
        checkpointer: A LangGraph checkpointer that keeps threads, for follow-up questions and to
            go on with a run; replies are not stored.
        db: Where threads are kept, replies included, so that a run goes on after any crash and
            pays for nothing twice: `memory:`, `sqlite:///PATH` or `postgresql://...`.
        records: A folder where the events of each run are recorded, for `verify` and `replay`, and
            logs for people beside them; as `Records`, with a limit for how much is kept.
        name: Another name for a prebuilt graph.

    Raises:
        UserError: When a definition is wrong; nothing has been built or sent by then.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        policy: Policy | None = None,
        *,
        graph: str | GraphFactory = "team",
        checkpointer: _Saver | None = None,
        db: str | Storage | None = None,
        records: str | Path | Records | None = None,
        name: str | None = None,
    ) -> None:
        self._storage = _storage(checkpointer, db)
        self._records = Records.of(records)
        self.config: str | None = None
        """What it was made of, as JSON without keys: stored with its threads."""
        self.observers: list[Observer] = []
        """Who is told every event of runs that begin from now on, such as `Telemetry`."""
        self.agents = tuple(agents)
        self.policy = policy or Policy()
        self._factory = graph_factory(graph, name)
        self.name = self._checked().name
        self._assembly = Assembly(self._factory, self.policy)

    @classmethod
    def from_graph(
        cls,
        graph: AnyGraph | CoordinationGraph,
        *,
        checkpointer: _Saver | None = None,
        db: str | Storage | None = None,
        records: str | Path | Records | None = None,
    ) -> Self:
        """Return a team that runs a graph as it is.

        Args:
            graph: A graph of a team, compiled or not; or any compiled graph that takes and returns
                `messages`, which then is the one agent of the team.
            checkpointer: A LangGraph checkpointer that keeps threads, for follow-up questions;
                None takes the one that the graph was compiled with, if any.
            db: Where threads are kept, in the place of a checkpointer; see `Team`.
            records: Where the events of runs are recorded; see `Team`.

        Raises:
            UserError: When the graph is malformed, or none.
        """
        whole = graph.compile() if isinstance(graph, CoordinationGraph) else graph
        kept = getattr(whole, "checkpointer", None)
        saver = checkpointer
        if saver is None and db is None and isinstance(kept, BaseCheckpointSaver):
            saver = kept
        keeping: Any = {"checkpointer": saver, "db": db, "records": records}
        builder = getattr(whole, "builder", None)
        if not isinstance(builder, CoordinationGraph):
            backend = GraphBackend(whole, alone=True)
            return cls([Agent(id_for(backend.model), backend)], graph="single", **keeping)
        agents = [Agent.of(member) for member in builder.members]

        def as_it_is(_members: Sequence[Member], _policy: Policy) -> CoordinationGraph:
            return builder

        team = cls(agents, builder.policy, graph=as_it_is, **keeping)
        team._assembly = Assembly(as_it_is, builder.policy, whole=cast("TeamGraph", whole))
        return team

    @classmethod
    def from_config(
        cls,
        path: str | Path,
        *,
        db: str | Storage | None = None,
        records: str | Path | Records | None = None,
    ) -> Self:
        """Return the team that a config file describes.

        Args:
            path: The file, or the name of a config that comes with massgraph.
            db: Where threads are kept; see `Team`.
            records: Where the events of runs are recorded; see `Team`.

        Raises:
            UserError: With every problem of the file.
        """
        from .config import load_config

        config = load_config(path)
        keeping: Any = {"db": db, "records": records}
        if config.graph.whole is not None:
            team = cls.from_graph(config.graph.whole, **keeping)
        else:
            graph = config.graph.make()
            team = cls(config.agents, config.policy, graph=graph, **keeping)
        team.config = config.stored
        return team

    def compile(self, checkpointer: _Saver | None = None) -> TeamGraph:
        """Return the team as a plain LangGraph graph.

        Its agents' events come from `astream(..., stream_mode="custom", subgraphs=True)`.

        Args:
            checkpointer: Where its threads are kept; None keeps none.

        Raises:
            UserError: When a key, an extra or a file is missing.
        """
        return self._assembly.compiled(self.agents, checkpointer)

    def add_agent(self, agent: Agent) -> None:
        """Add an agent: it takes part from the next question on, also on a thread.

        Raises:
            UserError: When it does not fit the team, or the graph is made for others.
        """
        self._change((*self.agents, agent))

    def remove_agent(self, agent: str) -> None:
        """Remove an agent: a run that is going on keeps it; `aclose` closes its backend.

        Args:
            agent: Its id.

        Raises:
            UserError: When there is none of that id, the policy needs it, or it is the last one.
        """
        left = tuple(one for one in self.agents if one.id != agent)
        if len(left) == len(self.agents):
            known = ", ".join(one.id for one in self.agents)
            raise UserError(f"There is no agent {agent!r} in the team; there are: {known}.")
        self._change(left)

    def drawn(self) -> TeamGraph:
        """Return the team's graph to look at: nobody is called, and no key is needed.

        Raises:
            UserError: When the graph is malformed.
        """
        return made(self._factory, [agent.drawn() for agent in self.agents], self.policy).compile()

    def run(self, question: str | Sequence[AnyMessage], *, thread_id: str | None = None) -> Result:
        """Answer a question; also where an event loop runs already.

        Args:
            question: The question; or a conversation, as LangChain messages, whose last message is
                the question. The agents see all of it.
            thread_id: A thread to go on with; needs a checkpointer.

        Raises:
            UserError: When something is missing or wrong that is known before the first call.
            RunError: When the run could not go on.
        """
        return run_anywhere(self._run_and_close(question, thread_id))

    def resume(self, thread_id: str) -> Result:
        """Go on with the last run of a thread, where it was cancelled or its process has died.

        What was answered and stored is not asked again. A run that was over is not run again: its
        result comes back.

        Args:
            thread_id: The thread.

        Raises:
            UserError: When there is no such thread, or a run is going on on it.
            StoreError: When what is stored can't be read, or is damaged.
            RunError: When the run could not go on.
        """
        return run_anywhere(self._run_and_close(None, thread_id))

    async def aresume(self, thread_id: str) -> Result:
        """Go on with the last run of a thread; see `resume`."""
        async with self._start(None, thread_id, listening=False) as run:
            return await run.result()

    async def arun(
        self, question: str | Sequence[AnyMessage], *, thread_id: str | None = None
    ) -> Result:
        """Answer a question; see `run`."""
        async with self._start(question, thread_id, listening=False) as run:
            return await run.result()

    def stream(
        self, question: str | Sequence[AnyMessage], *, thread_id: str | None = None
    ) -> Iterator[Event]:
        """Answer a question, and give out its events, the last one `run_finished`.

        The run goes on while the caller does something else; closing the iterator cancels it.
        """
        with LoopThread() as loop:
            events = self.astream(question, thread_id=thread_id)
            try:
                while True:
                    try:
                        event = loop.call(_next(events))
                    except StopAsyncIteration:
                        return
                    yield event
            finally:
                loop.call(_close(events))
                loop.call(self.aclose())

    async def astream(
        self, question: str | Sequence[AnyMessage], *, thread_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer a question, and give out its events, the last one `run_finished`.

        A reader that is slow stalls nobody: text that it has not read yet is merged.
        """
        async with self.start(question, thread_id=thread_id) as run:
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
            await run.result()

    def start(
        self, question: str | Sequence[AnyMessage] | None, *, thread_id: str | None = None
    ) -> Run:
        """Begin to answer a question on the running event loop, and return the run's handle.

        Args:
            question: The question, or a conversation; None goes on with the thread's last run.
            thread_id: The thread.

        Raises:
            UserError: When the question or the thread is none; what the backends miss is told by
                the handle's `result`.
        """
        return self._start(question, thread_id)

    async def aclose(self) -> None:
        """Close what the team has opened on this event loop: backends, tools and the store."""
        try:
            await self._assembly.aclose()
        finally:
            if self._storage is not None:
                await self._storage.aclose()

    async def _run_and_close(
        self, question: str | Sequence[AnyMessage] | None, thread_id: str | None
    ) -> Result:
        try:
            async with self._start(question, thread_id, listening=False) as run:
                return await run.result()
        finally:
            await self.aclose()

    def _start(
        self,
        question: str | Sequence[AnyMessage] | None,
        thread_id: str | None,
        *,
        listening: bool = True,
    ) -> Run:
        messages = None if question is None else conversation(question)
        if not _loop_is_running():
            raise UserError("A run needs a running event loop.", hint="Without one, use run().")
        if thread_id is not None:
            check_thread_id(thread_id)
            if self._storage is None:
                raise UserError(
                    "A thread_id needs a place to keep threads.",
                    hint="Give the team a checkpointer, or db='memory:'.",
                )
        elif messages is None:
            raise UserError("There is no question.", hint="To go on with a run, name its thread.")
        thread_id = thread_id or new_thread_id()
        held = ExitStack()
        if self._storage is not None:
            held.enter_context(one_run_at_a_time(self._storage.key, thread_id))
        run = GraphRun(
            partial(self._assembly.ready, self.agents, self._storage),
            messages,
            thread_id=thread_id,
            keeper=self._keeper(thread_id, messages),
            listening=listening,
            on_end=held.close,
            agents=[agent.id for agent in self.agents],
            observe=Watching(self.observers).take,
        )
        return Run(run, self.policy.output_type)

    def _keeper(self, thread_id: str, messages: Sequence[AnyMessage] | None) -> Keeper:
        """Return what keeps a run of a thread."""
        if self._storage is None and self._records is None:
            return NOTHING
        from .stored_run import StoredRun

        return StoredRun(
            self._storage,
            thread_id,
            messages=messages,
            config=self.config,
            records=self._records,
        )

    def _change(self, agents: tuple[Agent, ...]) -> None:
        if self._assembly.whole is not None:
            raise UserError(f"The graph {self.name!r} is whole: its agents are part of it.")
        before, self.agents = self.agents, agents
        try:
            self._check_no_circle()
            self._checked()
        except UserError:
            self.agents = before
            raise

    def _check_no_circle(self) -> None:
        """Check that the team is not inside one of its own agents."""
        seen: list[Team] = []
        ahead = [self]
        while ahead:
            inner = [team for agent in ahead.pop().agents for team in _teams_of(agent)]
            if self in inner:
                raise UserError(f"The team {self.name!r} can't be an agent of itself.")
            ahead += [team for team in inner if team not in seen]
            seen += inner

    def _checked(self) -> CoordinationGraph:
        ids = [agent.id for agent in self.agents]
        return check_factory(self._factory, ids, self.policy)


def _storage(checkpointer: _Saver | None, db: str | Storage | None) -> Storage | None:
    """Return where threads are kept, if they are.

    Raises:
        UserError: When both are given, or the db is none.
    """
    if checkpointer is not None and db is not None:
        raise UserError("Give a checkpointer or a db, not both.")
    if isinstance(db, str):
        from .store.opening import open_storage

        return open_storage(db)
    return db if checkpointer is None else GivenStorage(checkpointer)


def _teams_of(agent: Agent) -> list[Team]:
    return [one for one in (agent.backend, agent.fallback) if isinstance(one, Team)]


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _next(events: AsyncIterator[Event]) -> Event:
    return await anext(events)


async def _close(events: AsyncGenerator[Event, None]) -> None:
    await events.aclose()
