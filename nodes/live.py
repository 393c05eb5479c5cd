"""What is alive while a run runs: its clock, its open round, its stragglers. Never checkpointed."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from langgraph.runtime import RunControl, Runtime

from ..backends.errors import MassgraphError
from .event_log import log_event
from .events import Event
from .journal import CallKey, Journal, Slot
from .ledger import Ledger
from .live_round import LiveRound, LiveTurn
from .orders import Orders
from .outer import OuterCall
from .state import TeamState
from .turn import TurnState

logger = logging.getLogger("massgraph")

LAST_WAIT_S = 5.0
"""How long the end of a run waits for a provider or a tool that does not stop."""


HasRun = TeamState | TurnState
"""A state that knows its run, or a person's extension of one."""


@dataclass(eq=False)
class LiveRun:
    """One run while it runs: the `context` of a graph, made by `Team`, optional for others.

    Args:
        sink: Takes every event; None sends events to LangGraph's custom stream.
        thread_id: The run's thread, where LangGraph knows none.
        run_attempt: 1, and one more for each resume.
        outer: What an outer team asks of the run, where it runs in one.
        journal: Where replies are stored; None stores none.
    """

    sink: Callable[[Event], None] | None = None
    thread_id: str = ""
    run_attempt: int = 1
    outer: OuterCall | None = None
    journal: Journal | None = None
    stragglers: set[asyncio.Task[Any]] = field(default_factory=set, init=False)
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set, init=False)
    ledger: Ledger = field(default_factory=Ledger, init=False)
    entered: set[str] = field(default_factory=set, init=False)
    """The places of nodes within which a team's run has begun, in this attempt."""
    _orders: dict[str, Orders] = field(default_factory=dict, init=False)
    _run: str = field(default="", init=False)
    _zero: float | None = field(default=None, init=False)
    _seq: int = field(default=0, init=False)
    _rounds: dict[str, LiveRound] = field(default_factory=dict, init=False)

    def is_of(self, run: str) -> bool:
        """Return whether it belongs to this run: to the first one that it met.

        A team that a node of another team asks inherits the other's context.
        """
        self._run = self._run or run
        return self._run == run

    def begin(self, elapsed: float) -> None:
        """Start the clock at `elapsed` seconds, unless it runs already."""
        if self._zero is None:
            self._zero = asyncio.get_running_loop().time() - elapsed

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        if self._zero is None:
            return 0.0
        return round(asyncio.get_running_loop().time() - self._zero, 6)

    def open_round(self, round_id: str) -> LiveRound:
        """Return the round of this id; the one that is new closes all others."""
        if round_id not in self._rounds:
            self._rounds = {round_id: LiveRound(self.now)}
        return self._rounds[round_id]

    @property
    def at_work(self) -> dict[str, LiveTurn]:
        """The turns of the open round that have begun, and told no end."""
        return {a: t for round_ in self._rounds.values() for a, t in round_.turns.items()}

    def orders(self, agent: str) -> Orders:
        """Return what a person has ordered of an agent."""
        return self._orders.setdefault(agent, Orders())

    def slot(self, runtime: Runtime[Any], agent: str, number: int) -> Slot | None:
        """Return the place of a node's call in the journal, where there is one.

        Args:
            runtime: The node's runtime.
            agent: Whose call it is.
            number: The call's number within this execution of the node, from 1.
        """
        info = runtime.execution_info
        if self.journal is None or info is None or info.thread_id is None:
            return None
        return Slot(self.journal, CallKey(info.thread_id, info.checkpoint_ns, number), agent)

    def emit(self, runtime: Runtime[Any], state: HasRun, event: Event) -> None:
        """Stamp an event and hand it on, in one step.

        Args:
            runtime: The node's runtime.
            state: The state that the round and the epoch are taken from.
            event: The event with its payload.
        """
        info = runtime.execution_info
        stamped = self.stamp(
            event,
            thread_id=(info.thread_id if info else "") or "",
            place=(state.get("round", 0), state.get("epoch", 0)),
        )
        if self.sink is None:
            log_event(stamped)
            runtime.stream_writer(stamped)
        else:
            self.sink(stamped)

    def stamp(self, event: Event, *, thread_id: str, place: tuple[int, int]) -> Event:
        """Return the event with its number, its time and its place: the round and the epoch."""
        self._seq += 1
        return dataclasses.replace(
            event,
            seq=self._seq,
            t=self.now,
            run_attempt=self.run_attempt,
            thread_id=self.thread_id or thread_id,
            round=place[0],
            epoch=place[1],
        )

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Note that the node of the running task waits for an agent's work, or for what it stores.

        Within another one, it changes nothing.
        """
        task = asyncio.current_task()
        assert task is not None
        news = {task} - self._waiting
        self._waiting |= news
        try:
            yield
        finally:
            self._waiting -= news

    async def stop_waiting(self) -> None:
        """Stop the nodes that wait for an agent's work, and let them tell how it ended.

        LangGraph leaves them to themselves where it is stopped while it stops them.
        """
        tasks = set(self._waiting)
        for task in tasks:
            task.cancel()
        if tasks:
            with suppress(asyncio.CancelledError):  # who is stopped twice waits for nobody
                await asyncio.wait(tasks, timeout=LAST_WAIT_S)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Take over a task that did not stop in time."""
        logger.warning("A provider or tool does not stop; the run goes on without it.")
        self.stragglers.add(task)
        task.add_done_callback(self._leave)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self.stragglers.discard(task)
        if not task.cancelled():
            task.exception()  # seen: what a stopped call says is of no interest any more

    async def aclose(self) -> None:
        """Wait for the stragglers, cancelling them once more; give up on those that stay."""
        tasks = list(self.stragglers)
        self.stragglers.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=LAST_WAIT_S)
            for task in pending:
                logger.error("Gave up on a task that ignores its cancellation: %r", task)


class Desk:
    """Finds the LiveRun of a state: the graph's context, or one of its own for runs without.

    Runs without a context are found by their id, for as long as one invocation of the graph lasts:
    a resumed run gets a new one, whose clock goes on from the time that is stored. An abandoned
    one is forgotten when `most` newer ones have come.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._runs: OrderedDict[str, tuple[RunControl | None, LiveRun]] = OrderedDict()

    def live(self, runtime: Runtime[Any], state: HasRun) -> LiveRun:
        """Return the run's live side, with its clock running.

        Raises:
            MassgraphError: When the state does not come from `ask`.
        """
        run = state.get("run")
        if not run:
            raise MassgraphError("The state has no run: the node `ask` must come first.")
        context: object = runtime.context
        if isinstance(context, LiveRun) and context.is_of(run):
            live = context
        else:
            live = self._own(run, runtime)
        live.begin(state.get("elapsed", 0.0))
        return live

    def _own(self, run: str, runtime: Runtime[Any]) -> LiveRun:
        invocation, live = self._runs.get(run, (None, None))
        if live is None or invocation is not runtime.control:
            live = LiveRun(run_attempt=_attempt(run, runtime, live))
            self._runs[run] = (runtime.control, live)
        self._runs.move_to_end(run)
        while len(self._runs) > self._most:
            self._runs.popitem(last=False)
        return live

    async def close(self, runtime: Runtime[Any], state: HasRun) -> None:
        """End a run: nothing of it stays behind."""
        await self.live(runtime, state).aclose()
        self._runs.pop(state.get("run", ""), None)


def _attempt(run: str, runtime: Runtime[Any], before: LiveRun | None) -> int:
    """Return the number of a run's attempt; the first begins with `ask`, whose task names it."""
    if before is not None:
        return before.run_attempt + 1
    info = runtime.execution_info
    return 1 if info is None or info.task_id == run else 2
