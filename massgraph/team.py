"""Team: a prebuilt coordination graph, and every way to run it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Self

from langgraph.checkpoint.base import BaseCheckpointSaver

from .agent import Agent
from .assembly import Assembly
from .backends.errors import UserError
from .closing import AsyncClosing
from .given_graph import GivenGraph
from .graphs.composition import CoordinationGraph, GraphFactory, TeamGraph
from .graphs.nested import AnyGraph
from .graphs.prebuilt import check_factory, graph_factory, made
from .graphs.running import GraphRun
from .keeping import Keeping
from .loops import iterate_anywhere, loop_runs, run_anywhere
from .membership import teams_within, without
from .nodes.events import Event
from .nodes.policy import Policy
from .observing import Observer, Watching
from .question import Question, conversation
from .record.records import Records
from .result import Result
from .run import Run
from .store.base import Storage

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
            pays for nothing twice: `memory:`, `sqlite:///PATH` or `postgresql://...`; or a storage,
            which several may share.
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
        self._keeping = Keeping(checkpointer, db, records)
        self.config: str | None = None
        """What it was made of, as JSON without keys: stored with its threads."""
        self.observers: list[Observer] = []
        """Who is told every event of runs that begin from now on, such as `Telemetry`."""
        self.agents = tuple(agents)
        self.policy = policy or Policy()
        self._factory = graph_factory(graph, name)
        self.name = self._checked(self.agents).name
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
        given = GivenGraph.of(graph)
        kept = given.checkpointer if checkpointer is None and db is None else checkpointer
        team = cls(
            given.agents, given.policy, graph=given.graph, checkpointer=kept, db=db, records=records
        )
        team._assembly.whole = given.whole
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

        return load_config(path).made(cls, db=db, records=records)

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
        self._change(without(agent, self.agents))

    def drawn(self) -> TeamGraph:
        """Return the team's graph to look at: nobody is called, and no key is needed.

        Raises:
            UserError: When the graph is malformed.
        """
        return made(self._factory, [agent.drawn() for agent in self.agents], self.policy).compile()

    def run(self, question: Question, *, thread_id: str | None = None) -> Result:
        """Answer a question; also where an event loop runs already.

        Args:
            question: The question; or a conversation, as LangChain messages, whose last message is
                the question. The agents see all of it.
            thread_id: A thread to go on with; needs a checkpointer.

        Raises:
            UserError: When something is missing or wrong that is known before the first call.
            RunError: When the run could not go on.
        """
        return run_anywhere(partial(self.arun, question, thread_id=thread_id), self.aclose)

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
        return run_anywhere(partial(self.aresume, thread_id), self.aclose)

    async def aresume(self, thread_id: str) -> Result:
        """Go on with the last run of a thread; see `resume`."""
        async with self._start(None, thread_id, listening=False) as run:
            return await run.result()

    async def arun(self, question: Question, *, thread_id: str | None = None) -> Result:
        """Answer a question; see `run`."""
        async with self._start(question, thread_id, listening=False) as run:
            return await run.result()

    def stream(self, question: Question, *, thread_id: str | None = None) -> Iterator[Event]:
        """Answer a question, and give out its events, the last one `run_finished`.

        The run goes on while the caller does something else; closing the iterator cancels it.
        """
        return iterate_anywhere(self.astream(question, thread_id=thread_id), self.aclose)

    async def astream(
        self, question: Question, *, thread_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer a question, and give out its events, the last one `run_finished`.

        A reader that is slow stalls nobody: text that it has not read yet is merged.
        """
        async with self.start(question, thread_id=thread_id) as run:
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
            await run.result()

    def start(self, question: Question | None, *, thread_id: str | None = None) -> Run:
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
        """Close what the team has opened on this event loop: backends, tools and the store.

        A storage that others use as well is closed by the last of them; see `massgraph.store`.
        """
        try:
            await self._assembly.aclose()
        finally:
            await self._keeping.aclose()

    def _start(
        self, question: Question | None, thread_id: str | None, *, listening: bool = True
    ) -> Run:
        messages = None if question is None else conversation(question)
        if not loop_runs():
            raise UserError("A run needs a running event loop.", hint="Without one, use run().")
        thread_id = self._keeping.thread(thread_id, asked=messages is not None)
        run = GraphRun(
            partial(self._assembly.ready, self.agents, self._keeping.storage),
            messages,
            thread_id=thread_id,
            keeper=self._keeping.keeper(thread_id, messages, self.config),
            listening=listening,
            on_end=self._keeping.hold(thread_id),
            agents=[agent.id for agent in self.agents],
            observe=Watching(self.observers).take,
        )
        return Run(run, self.policy.output_type)

    def _change(self, agents: tuple[Agent, ...]) -> None:
        """Let these be the agents, unless that can't be."""
        if self._assembly.whole is not None:
            raise UserError(f"The graph {self.name!r} is whole: its agents are part of it.")
        if self in teams_within(agents, Team):
            raise UserError(f"The team {self.name!r} can't be an agent of itself.")
        self._checked(agents)
        self.agents = agents

    def _checked(self, agents: Sequence[Agent]) -> CoordinationGraph:
        return check_factory(self._factory, [agent.id for agent in agents], self.policy)
