"""Team: a prebuilt coordination graph, and every way to run it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from langchain_core.messages import AnyMessage, HumanMessage, convert_to_messages
from langgraph.checkpoint.base import BaseCheckpointSaver

from .agent import Agent
from .backends.base import LLMBackend
from .backends.errors import UserError
from .backends.off_loop import off_loop
from .graphs.coordination import TeamGraph, coordination
from .graphs.names import check_names
from .graphs.running import GraphRun, Status
from .loops import LoopThread, run_anywhere
from .nodes.events import Event
from .nodes.policy import Policy
from .result import Result
from .threads import check_thread_id, new_thread_id, one_run_at_a_time, open_store

logger = logging.getLogger("massgraph")

_Saver = BaseCheckpointSaver[Any]


class Team:
    """A team of agents that answers questions through the coordination graph.

    Args:
        agents: The agents, in registration order.
        policy: How they coordinate; every key has a default.
        checkpointer: A LangGraph checkpointer that keeps threads, for follow-up questions.
        db: The same by URL: `memory:`.
        name: The graph's name.

    Raises:
        UserError: When a definition is wrong; nothing has been built or sent by then.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        policy: Policy | None = None,
        *,
        checkpointer: _Saver | None = None,
        db: str | None = None,
        name: str = "team",
    ) -> None:
        if checkpointer is not None and db is not None:
            raise UserError("Give a checkpointer or a db, not both.")
        self.agents = tuple(agents)
        self.policy = policy or Policy()
        self.name = name
        check_names([agent.id for agent in self.agents], self.policy)
        self._saver = open_store(db) if db is not None else checkpointer
        self._backends: list[LLMBackend] | None = None
        self._graph: TeamGraph | None = None
        self._building = threading.Lock()

    @classmethod
    def from_config(cls, path: str | Path) -> Self:
        """Return the team that a config file describes.

        Raises:
            UserError: With every problem of the file.
        """
        from .config import load_config

        team = load_config(path)
        return cls(team.agents, team.policy, name=team.name)

    def compile(self, checkpointer: _Saver | None = None) -> TeamGraph:
        """Return the team as a plain LangGraph graph.

        Its agents' events come from `astream(..., stream_mode="custom", subgraphs=True)`.

        Args:
            checkpointer: Where its threads are kept; None keeps none.

        Raises:
            UserError: When a key, an extra or a file is missing.
        """
        members = [
            agent.member(backend) for agent, backend in zip(self.agents, self._built(), strict=True)
        ]
        return coordination(members, self.policy, checkpointer=checkpointer, name=self.name)

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
        """Close what the agents' backends have opened on this event loop."""
        if self._backends is not None:
            ends = await asyncio.gather(
                *(backend.aclose() for backend in set(self._backends)), return_exceptions=True
            )
            for end in ends:
                if isinstance(end, Exception):  # a result is not lost for what comes after it
                    logger.error("A backend could not be closed.", exc_info=end)

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
            self._ready, messages, thread_id=thread_id, listening=listening, on_end=held.close
        )
        return Run(run)

    async def _ready(self) -> TeamGraph:
        """Return the graph, with everything built that takes long, off the event loop."""
        graph = self._graph
        if graph is None:
            graph = await off_loop(self._compiled)
        await _prepared({backend for backend in self._built() if backend.prepare_first})
        return graph

    def _built(self) -> list[LLMBackend]:
        with self._building:
            if self._backends is None:
                self._backends = [agent.build_backend() for agent in self.agents]
            return self._backends

    def _compiled(self) -> TeamGraph:
        graph = self.compile(self._saver)
        with self._building:
            if self._graph is None:
                self._graph = graph
            return self._graph


class Run:
    """The handle of a run: iterate over it for events, await `result()` for its end.

    As an async context manager it leaves nothing behind: a run that still runs is cancelled.
    """

    def __init__(self, run: GraphRun) -> None:
        self._run = run

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

    async def result(self) -> Result:
        """Wait for the end.

        Raises:
            RunError: When the run could not go on; its `result` is what there was by then.
        """
        return Result.from_dict(await self._run.result())

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
