"""What surrounds a run: an event loop in disorder, a clock that jumps, a slow store, readers."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Run
from massgraph.nodes.events import Event
from tests.vloop import VirtualLoop


class ShuffledLoop(VirtualLoop):
    """A virtual clock under which what is ready runs in a random order, the same for a seed.

    The clock may jump forwards, as when a machine wakes from sleep. It never goes backwards: an
    event loop's clock is a monotonic one.

    Args:
        seed: Where the order and the jumps come from.
        jumps: How likely a jump is at each step of the loop.
    """

    def __init__(self, seed: int | str, jumps: float = 0.0) -> None:
        super().__init__()
        self._rng = random.Random(seed)
        self._jumps = jumps
        self._deeds: list[tuple[int, Callable[[], object]]] = []
        self.steps = 0
        self.jumped = 0.0
        """Seconds that the clock has jumped so far."""

    def at_step(self, step: int, deed: Callable[[], object]) -> None:
        """Do something right before a later step of the loop, if it comes to that."""
        self._deeds.append((self.steps + step, deed))

    def _run_once(self) -> None:
        self.steps += 1
        due = [one for one in self._deeds if one[0] <= self.steps]
        for one in due:
            self._deeds.remove(one)
            one[1]()
        if self._jumps and self._rng.random() < self._jumps:
            self._jump(60.0 * self._rng.randrange(1, 10))
        ready = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            handles = list(ready)
            self._rng.shuffle(handles)
            ready.clear()
            ready.extend(handles)
        super()._run_once()  # type: ignore[misc]

    def _jump(self, seconds: float) -> None:
        self._clock.now += seconds
        self.jumped += seconds


class SavingError(Exception):
    """A store that could not write, on purpose."""


def has_cause(exc: BaseException | None, kind: type[BaseException]) -> bool:
    """Return whether an exception, or what led to it, is of a kind."""
    while exc is not None:
        if isinstance(exc, kind):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


class SlowSaver(InMemorySaver):
    """A checkpointer whose reads and writes take their time, and whose writes may fail.

    Args:
        seed: What it does when.
        slowest_s: The longest that one of them takes.
        fails: How likely a write is to fail.
    """

    def __init__(self, seed: int | str, slowest_s: float = 0.0, fails: float = 0.0) -> None:
        super().__init__()
        self._rng = random.Random(seed)
        self.slowest_s, self._fails = slowest_s, fails
        self._failures: list[str] = []  # LangGraph works with a shallow copy: this is shared
        self._busy: set[object] = set()

    @property
    def failed(self) -> int:
        """How many writes have failed."""
        return len(self._failures)

    def copied(self, seed: str) -> SlowSaver:
        """Return a saver that holds what this one holds now, and goes on by another seed."""
        other = SlowSaver(seed, self.slowest_s, self._fails)
        for name in ("storage", "writes", "blobs"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other

    async def idle(self) -> None:
        """Wait for the writes that LangGraph leaves under way when a graph is stopped."""
        while self._busy:  # noqa: ASYNC110 - the clock is a virtual one
            await asyncio.sleep(self.slowest_s / 4)

    async def _takes_time(self, *, writes: bool) -> None:
        if self.slowest_s:
            waits = object()
            self._busy.add(waits)
            try:
                await asyncio.sleep(self.slowest_s * self._rng.random() ** 3)
            finally:
                self._busy.discard(waits)
        if writes and self._rng.random() < self._fails:
            self._failures.append("the disk is full, on purpose")
            raise SavingError(self._failures[-1])

    async def aget_tuple(self, config: Any) -> Any:
        """Read, late."""
        await self._takes_time(writes=False)
        return await super().aget_tuple(config)

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Write a checkpoint, late or not at all."""
        await self._takes_time(writes=True)
        return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write what a task has come to, late or not at all."""
        await self._takes_time(writes=True)
        await super().aput_writes(config, writes, task_id, task_path)


Manner = Literal["prompt", "slow", "late", "stops", "leaves"]
"""How somebody reads the events of a run."""

MANNERS: tuple[Manner, ...] = ("prompt", "slow", "late", "stops", "leaves")


async def read(run: Run, manner: Manner, rng: random.Random) -> list[Event]:
    """Read a run's events in a manner of one's own; who leaves has read the first ones only.

    Args:
        run: The run.
        manner: `slow` waits between events, `late` begins once the run is over, `stops` does not
            go on before it is, and `leaves` closes the iterator.
        rng: When.
    """
    got: list[Event] = []
    patience = rng.choice([1, 5, 30])
    if manner == "late":
        await _over(run)
    events = run.events()
    try:
        async for event in events:
            got.append(event)
            if manner == "slow":
                await asyncio.sleep(rng.choice([0.0, 0.01, 1.0]) * rng.random())
            if len(got) == patience and manner == "stops":
                await _over(run)
            if len(got) == patience and manner == "leaves":
                break
    finally:
        await events.aclose()
    return got


async def _over(run: Run) -> None:
    """Wait until a run is over, however it ends."""
    await asyncio.wait({asyncio.ensure_future(run.result())})
