"""Team: a prebuilt coordination graph, and every way to run it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from langchain_core.messages import AnyMessage, HumanMessage, convert_to_messages
from langgraph.checkpoint.base import BaseCheckpointSaver

from .agent import Agent
from .backends.base import LLMBackend
from .backends.errors import UserError
from .backends.off_loop import off_loop
from .graphs.composition import CoordinationGraph, GraphFactory, TeamGraph
from .graphs.gates import gates
from .graphs.names import id_for
from .graphs.nested import AnyGraph, GraphBackend
from .graphs.prebuilt import check_factory, graph_factory, made
from .graphs.prices import check_prices
from .graphs.running import GraphRun, Status
from .loops import LoopThread, run_anywhere
from .nodes.events import Event
from .nodes.policy import Policy
from .result import Result
from .threads import check_thread_id, new_thread_id, one_run_at_a_time, open_store
from .tools.opening import close_toolboxes, open_toolboxes

logger = logging.getLogger("massgraph")

_Saver = BaseCheckpointSaver[Any]


class Team:
    """A team of agents that answers questions through the coordination graph.

    Args:
        agents: The agents, in registration order.
        policy: How they coordinate; every key has a default.
        graph: The graph in which they do: `team`, `single`, `debate`, `mixture`, `council`,
            `self_consistency`; or a function (members, policy) that returns one of your own.
        checkpointer: A LangGraph checkpointer that keeps threads, for follow-up questions.
        db: The same by URL: `memory:`.
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
        db: str | None = None,
        name: str | None = None,
    ) -> None:
        if checkpointer is not None and db is not None:
            raise UserError("Give a checkpointer or a db, not both.")
        self.agents = tuple(agents)
        self.policy = policy or Policy()
        self._factory = graph_factory(graph, name)
        self.name = self._checked().name
        self._saver = open_store(db) if db is not None else checkpointer
        self._whole = False
        self._backends: list[tuple[Agent, LLMBackend]] = []
        self._graph: tuple[tuple[Agent, ...], TeamGraph] | None = None
        self._building = threading.Lock()

    @classmethod
    def from_graph(
        cls, graph: AnyGraph | CoordinationGraph, *, checkpointer: _Saver | None = None
    ) -> Self:
        """Return a team that runs a graph as it is.

        Args:
            graph: A graph of a team, compiled or not; or any compiled graph that takes and returns
                `messages`, which then is the one agent of the team.
            checkpointer: A LangGraph checkpointer that keeps threads, for follow-up questions.

        Raises:
            UserError: When the graph is malformed.
        """
        builder = graph if isinstance(graph, CoordinationGraph) else getattr(graph, "builder", None)
        if not isinstance(builder, CoordinationGraph):
            assert not isinstance(graph, CoordinationGraph)
            alone = Agent(id_for(str(graph.name)), GraphBackend(graph, alone=True))
            return cls([alone], graph="single", checkpointer=checkpointer)
        agents = [Agent.of(member) for member in builder.members]
        team = cls(agents, builder.policy, graph=lambda *_: builder, checkpointer=checkpointer)
        team._whole = True
        return team

    @classmethod
    def from_config(cls, path: str | Path) -> Self:
        """Return the team that a config file describes.

        Raises:
            UserError: With every problem of the file.
        """
        from .config import load_config

        config = load_config(path)
        if config.graph.whole is not None:
            return cls.from_graph(config.graph.whole)
        return cls(config.agents, config.policy, graph=config.graph.make())

    def compile(self, checkpointer: _Saver | None = None) -> TeamGraph:
        """Return the team as a plain LangGraph graph.

        Its agents' events come from `astream(..., stream_mode="custom", subgraphs=True)`.

        Args:
            checkpointer: Where its threads are kept; None keeps none.

        Raises:
            UserError: When a key, an extra or a file is missing.
        """
        return self._compiled(self.agents, checkpointer)

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

    def start(self, question: str | Sequence[AnyMessage], *, thread_id: str | None = None) -> Run:
        """Begin to answer a question on the running event loop, and return the run's handle.

        Raises:
            UserError: When the question or the thread is none; what the backends miss is told by
                the handle's `result`.
        """
        return self._start(question, thread_id)

    async def aclose(self) -> None:
        """Close what the agents' backends and tools have opened on this event loop."""
        backends = {backend for _, backend in self._backends}
        ends = await asyncio.gather(
            *(backend.aclose() for backend in backends), return_exceptions=True
        )
        for end in [*ends, *await close_toolboxes([agent for agent, _ in self._backends])]:
            if isinstance(end, Exception):  # a result is not lost for what comes after it
                logger.error("A backend or a tool could not be closed.", exc_info=end)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _run_and_close(
        self, question: str | Sequence[AnyMessage], thread_id: str | None
    ) -> Result:
        try:
            return await self.arun(question, thread_id=thread_id)
        finally:
            await self.aclose()

    def _start(
        self, question: str | Sequence[AnyMessage], thread_id: str | None, *, listening: bool = True
    ) -> Run:
        messages = _conversation(question)
        if not _loop_is_running():
            raise UserError("A run needs a running event loop.", hint="Without one, use run().")
        if thread_id is not None:
            check_thread_id(thread_id)
            if self._saver is None:
                raise UserError(
                    "A thread_id needs a place to keep threads.",
                    hint="Give the team a checkpointer, or db='memory:'.",
                )
        thread_id = thread_id or new_thread_id()
        held = ExitStack()
        held.enter_context(one_run_at_a_time(self._saver, thread_id))
        run = GraphRun(
            partial(self._ready, self.agents),
            messages,
            thread_id=thread_id,
            listening=listening,
            on_end=held.close,
            agents=[agent.id for agent in self.agents],
        )
        return Run(run, self.policy.output_type)

    async def _ready(self, agents: tuple[Agent, ...]) -> TeamGraph:
        """Return the graph of the team as it is, or as it was when the run was started.

        Everything is built that takes long, off the event loop.
        """
        of, graph = self._graph or (None, None)
        if graph is None or of is not agents:
            graph = await off_loop(partial(self._made_ready, agents))
        await _prepared({backend for backend in self._built(agents) if backend.prepare_first})
        await open_toolboxes(agents)
        return graph

    def _built(self, agents: Sequence[Agent]) -> list[LLMBackend]:
        with self._building:
            return [self._backend_of(agent) for agent in agents]

    def _backend_of(self, agent: Agent) -> LLMBackend:
        for known, backend in self._backends:
            if known is agent:
                return backend
        built = agent.build_backend()
        self._backends.append((agent, built))
        return built

    def _change(self, agents: tuple[Agent, ...]) -> None:
        if self._whole:
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

    def _compiled(self, agents: Sequence[Agent], checkpointer: _Saver | None) -> TeamGraph:
        backends = self._built(agents)
        members = [agent.member(one) for agent, one in zip(agents, backends, strict=True)]
        check_prices(members, self.policy)
        return made(self._factory, members, self.policy).compile(checkpointer)

    def _checked(self) -> CoordinationGraph:
        ids = [agent.id for agent in self.agents]
        return check_factory(self._factory, ids, self.policy)

    def _made_ready(self, agents: tuple[Agent, ...]) -> TeamGraph:
        graph = self._compiled(agents, self._saver)
        waits = gates(graph)
        if waits:
            raise UserError(
                f"The graph {self.name!r} waits for a person at {', '.join(waits)}:",
                hint="run it as a plain graph, team.compile(checkpointer), and go on with Command.",
            )
        with self._building:
            of, made_first = self._graph or (None, None)
            if made_first is not None and of is agents:
                return made_first
            self._graph = (agents, graph)
            return graph


class Run:
    """The handle of a run: iterate over it for events, await `result()` for its end.

    As an async context manager it leaves nothing behind: a run that still runs is cancelled.
    """

    def __init__(self, run: GraphRun, output_type: Any = None) -> None:
        self._run = run
        self._output_type = output_type

    @property
    def thread_id(self) -> str:
        """The run's thread."""
        return self._run.thread_id

    @property
    def status(self) -> Status:
        """`running`, or the outcome."""
        return self._run.status

    def cancel(self) -> None:
        """Stop the run: provider calls are closed at once, and the outcome is `cancelled`."""
        self._run.cancel()

    def cancel_agent(self, agent: str) -> None:
        """Stop one agent: its call is closed at once, and it sits out the rest of the question.

        A vote that it has cast stands, and so does its answer. Nothing happens once the run is
        over.

        Raises:
            UserError: When there is no such agent.
        """
        self._run.cancel_agent(agent)

    def retry_agent(self, agent: str) -> None:
        """Ask one agent afresh, also one that has failed or was cancelled.

        At its turn it is asked again at once, which is none of its attempts; one that sits out is
        asked from the next round on.

        Raises:
            UserError: When there is no such agent.
        """
        self._run.retry_agent(agent)

    async def result(self) -> Result:
        """Wait for the end.

        Raises:
            RunError: When the run could not go on; its `result` is what there was by then.
        """
        return Result.from_dict(await self._run.result(), self._output_type)

    def events(self) -> AsyncGenerator[Event, None]:
        """Give out the events, the last one `run_finished`; for one reader."""
        return self._run.events()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def aclose(self) -> None:
        """Cancel the run if it still runs, and wait until nothing of it is left."""
        await self._run.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _teams_of(agent: Agent) -> list[Team]:
    return [one for one in (agent.backend, agent.fallback) if isinstance(one, Team)]


async def _prepared(backends: set[LLMBackend]) -> None:
    """Prepare all backends at once, and raise what went wrong with all of them."""
    ends = await asyncio.gather(
        *(backend.prepare() for backend in backends), return_exceptions=True
    )
    wrong = [end for end in ends if isinstance(end, BaseException)]
    if len(wrong) > 1 and all(isinstance(end, UserError) for end in wrong):
        raise UserError("; ".join(sorted({str(end) for end in wrong}))) from wrong[0]
    if wrong:
        raise wrong[0]


def _conversation(question: str | Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the conversation that a question is, or ends.

    Raises:
        UserError: When there is no question.
    """
    given = [question] if isinstance(question, str) else question
    # Copies without ids: a thread would take a message of the same id for a correction.
    messages = [message.model_copy(update={"id": None}) for message in convert_to_messages(given)]
    last = messages[-1] if messages else None
    if not isinstance(last, HumanMessage):
        raise UserError("There is no question: the last message must be a human one.")
    if isinstance(last.content, str) and not last.content.strip():
        raise UserError("The question is empty.", hint="Ask something.")
    return cast("list[AnyMessage]", messages)


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
