"""Run a graph: one question, one owned task, events for a reader, and a result in any case."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import AnyMessage

from ..backends.errors import RunError, StoreError, UserError
from ..nodes.agent_turn import CANCELLED
from ..nodes.event_log import log_event
from ..nodes.events import Event, RunFinished, TurnEnded
from ..nodes.live import LiveRun
from ..nodes.live_round import LiveTurn
from ..nodes.orders import Orders
from ..nodes.record import Record, ResultDict
from ..nodes.state import RunOutcome
from .broken import told
from .keeping import NOTHING, Keeper
from .mailbox import Mailbox
from .resuming import Saved

if TYPE_CHECKING:
    from .composition import CoordinationGraph, TeamGraph

logger = logging.getLogger("massgraph")

UNENDED = {
    True: "it waits for a person: only a plain graph, with a checkpointer, goes on from there",
    False: "it ended without a result: a node or a router leads nowhere",
}
"""Why a run has no result, by whether it was interrupted."""

Status = Literal["running", "settled", "no_answer", "cancelled", "failed"]


class BrokenRunError(RunError):
    """A run that could not go on; `result` is what it had by then."""

    def __init__(self, message: str, result: ResultDict) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[type[BrokenRunError], tuple[str, ResultDict]]:
        """Return what makes it anew, in another process, too."""
        return BrokenRunError, (str(self), self.result)


class GraphRun:
    """One run of a coordination graph, as a task that it owns.

    Args:
        graph: Makes the graph ready; a UserError of it is one of `result`.
        messages: The conversation, whose last message is the question; None goes on with the
            thread's last run.
        thread_id: The run's thread.
        keeper: What keeps the run.
        listening: Whether somebody will read the events; otherwise none are kept.
        on_end: Called when the run is over, before anybody hears of it; a second call must do
            no harm.
        agents: The team's ids: who can be stopped, or asked afresh.
        observe: Takes every event, and never raises.
    """

    def __init__(
        self,
        graph: Callable[[], Awaitable[TeamGraph]],
        messages: Sequence[AnyMessage] | None,
        *,
        thread_id: str,
        keeper: Keeper = NOTHING,
        listening: bool = True,
        on_end: Callable[[], None] = lambda: None,
        agents: Sequence[str] = (),
        observe: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.thread_id = thread_id
        self._agents = agents
        self._keeper = keeper
        self._observe = observe
        self._on_end = on_end
        self._record = Record(thread_id)
        self._mailbox = Mailbox() if listening else None
        self._live = LiveRun(sink=self._take, thread_id=thread_id)
        self._begun = False
        self._unfinished = False
        self._cancelled = False
        self._task = asyncio.create_task(self._drive(graph, messages), name=f"run {thread_id}")
        self._task.add_done_callback(self._ended)

    @property
    def status(self) -> Status:
        """`running`, or the outcome."""
        result = self._record.result
        if result is not None:
            return result["outcome"]
        return "failed" if self._task.done() else "running"

    def cancel(self) -> None:
        """Stop the run: its provider calls are closed, and its outcome is `cancelled`."""
        if self._task.done() or self._cancelled or self._record.result is not None:
            return
        self._cancelled = True
        if self._begun:  # a task that is cancelled before its first step never takes it
            self._task.cancel()

    def cancel_agent(self, agent: str) -> None:
        """Stop an agent: its call is closed at once, and it sits out the rest of the question.

        Raises:
            UserError: When there is no such agent.
        """
        self._orders(agent).cancel()

    def retry_agent(self, agent: str) -> None:
        """Ask an agent afresh: at once if it is at its turn, in the next round if it had failed.

        Raises:
            UserError: When there is no such agent.
        """
        self._orders(agent).retry()

    def _orders(self, agent: str) -> Orders:
        if agent not in self._agents:
            known = ", ".join(self._agents)
            raise UserError(f"There is no agent {agent!r} in the run; there are: {known}.")
        return self._live.orders(agent)

    async def result(self) -> ResultDict:
        """Wait for the end of the run.

        Raises:
            BrokenRunError: When the run could not go on, with the cause chained.
            UserError: When the question is none.
        """
        return await asyncio.shield(self._task)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Give out the events, the last one `run_finished`; for one reader."""
        if self._mailbox is None:
            return
        async for event in self._mailbox.events():
            yield event

    async def aclose(self) -> None:
        """Cancel the run if it still runs, and wait until nothing of it is left."""
        self.cancel()
        cancelled = False
        while not self._task.done():
            try:
                await asyncio.wait({self._task})
            except asyncio.CancelledError:  # whoever waits is cancelled too: that comes after
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    async def _drive(
        self, make_ready: Callable[[], Awaitable[TeamGraph]], messages: Sequence[AnyMessage] | None
    ) -> ResultDict:
        self._begun = True
        try:
            if self._cancelled:
                raise asyncio.CancelledError
            graph = await make_ready()
            self._live.run_attempt = await self._keeper.begin()
            self._live.journal = self._keeper.journal
            await self._play(graph, messages)
        except asyncio.CancelledError:
            await self._live.stop_waiting()
            self._end("cancelled")
            if not self._cancelled:
                raise
        except UserError:
            raise
        except Exception as exc:
            await self._live.stop_waiting()
            result = self._end("failed")
            logger.exception("The run %s broke.", self.thread_id, extra={"is_raised": True})
            raise BrokenRunError(told("The run", exc), result) from exc
        finally:
            await self._live.aclose()
            await self._let_go()
            self._close()
        end = self._record.result
        assert end is not None  # both ends of the machine say it
        return end

    async def _play(self, graph: TeamGraph, messages: Sequence[AnyMessage] | None) -> None:
        """Run the graph from its start, or from where the thread's last run was cut."""
        config: Any = {"configurable": {"thread_id": self.thread_id}}
        kept: dict[str, Any] = {"durability": "sync"}  # or a step is done that nobody knows of
        if graph.checkpointer is None:
            config, kept = {}, {}
        given: Any = {"messages": messages}
        if messages is None:
            given = await self._go_on(graph, await Saved.of(graph, config))
        if self._record.result is not None and not self._unfinished:
            return  # it was over
        end = await graph.ainvoke(given, config, context=self._live, **kept)
        if self._record.result is None:
            raise RunError(UNENDED["__interrupt__" in end])

    async def _go_on(self, graph: TeamGraph, saved: Saved | None) -> dict[str, Any] | None:
        """Return what a run that goes on is given: None, or its question if nothing is stored.

        One that was over is over again, and nobody is asked.

        Raises:
            UserError: When there is nothing to go on with.
        """
        unasked = self._keeper.unasked(saved.checkpoint_id if saved is not None else None)
        if unasked is not None:
            return {"messages": list(unasked)}
        if saved is None:
            raise UserError(f"Nothing is stored on the thread {self.thread_id!r} to go on with.")
        self._unfinished = bool(saved.next)
        if saved.begun:
            builder = cast("CoordinationGraph", graph.builder)
            saved.check_fits(builder)
            await saved.count(self._live.ledger, builder.by_id, self._live.journal)
            self._tell_resumed(builder, saved)
        return None

    def _tell_resumed(self, builder: CoordinationGraph, saved: Saved) -> None:
        stops_peers = builder.policy.on_new_answer == "cancel"
        saved.bring_back(self._live, elapsed=self._keeper.elapsed, stops_peers=stops_peers)
        place = (saved.state["round"], saved.state["epoch"])
        events: list[Event] = [saved.event(builder)]
        if saved.ended:
            events.append(RunFinished(result=dict(saved.result(self.thread_id))))
        for event in events:
            self._take(self._live.stamp(event, thread_id=self.thread_id, place=place))

    async def _let_go(self) -> None:
        """Tell the keeper of the end; what it can't note does not take a result away."""
        try:
            await self._keeper.end(self._record.result)
        except StoreError:
            logger.exception("The end of the run %s could not be stored.", self.thread_id)

    def _end(self, outcome: RunOutcome) -> ResultDict:
        """End the run from outside, unless it had just ended by itself."""
        if self._record.result is None:
            for agent, turn in self._live.at_work.items():
                self._tell(_cut(agent, turn, self._live.now))
            result = self._record.ended(outcome, self._live.now)
            self._tell(RunFinished(result=dict(result)))
        assert self._record.result is not None
        return self._record.result

    def _tell(self, event: Event) -> None:
        """Tell what no node tells, at the place where the run is."""
        state = self._record.state
        place = (state["round"], state["epoch"])
        self._take(self._live.stamp(event, thread_id=self.thread_id, place=place))

    def _close(self) -> None:
        self._on_end()
        if self._mailbox is not None:
            self._mailbox.close()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Close what a task that was cut short has not closed, and see its exception.

        A run that nobody awaits must not warn at exit.
        """
        self._close()
        if not task.cancelled():
            task.exception()

    def _take(self, event: Event) -> None:
        self._record.add(event)
        log_event(event)
        self._keeper.take(event)
        self._observe(event)
        if self._mailbox is not None:
            self._mailbox.put(event)


def _cut(agent: str, turn: LiveTurn, now: float) -> TurnEnded:
    """Return the end of a turn that was cut between two of its steps."""
    return TurnEnded(
        agent=agent,
        attempt=turn.attempt,
        outcome="interrupted",
        why=CANCELLED,
        kind=None,
        seconds=round(now - turn.began, 6),
        usage=turn.spent,
    )
