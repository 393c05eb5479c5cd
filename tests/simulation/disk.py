"""What a run leaves when its process dies: a store that can be copied at any moment."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from langchain_core.messages import AnyMessage

from massgraph.backends.reply import StoredReply
from massgraph.nodes.journal import CallKey, Journal
from massgraph.store.base import Storage, Store
from massgraph.store.memory import MemoryStore

from .weather import SlowSaver

CALL: ContextVar[CallKey | None] = ContextVar("CALL", default=None)
"""The call that is under way, as the journal knows it."""


class WatchedJournal(Journal):
    """A journal that takes its time, and knows which replies must not be asked for again.

    Args:
        inside: Where replies are stored.
        seed: When.
        slowest_s: The longest that a reply takes, before and after it is stored.
    """

    def __init__(self, inside: Journal, seed: str, slowest_s: float) -> None:
        self._inside, self._rng, self._slowest_s = inside, random.Random(seed), slowest_s
        self.stored: dict[CallKey, str] = {}
        """Calls whose replies are stored, and their agents."""
        self.held: dict[CallKey, StoredReply] = {}
        """What is stored: of two replies of a call, the first."""
        self.told: dict[CallKey, dict[str, Any]] = {}
        """What calls whose replies are stored have used, as it was told."""
        self.sent: dict[CallKey, int] = {}
        """What was sent in calls, as a number."""
        self.problems: list[str] = []
        self._inherited: frozenset[CallKey] = frozenset()
        self.news = asyncio.Event()
        """Set when a reply has just been stored, and nobody has acted on it."""

    def begin(self) -> None:
        """Take what is stored as what earlier attempts have left."""
        self._inherited = frozenset(self.stored)
        self.news = asyncio.Event()

    async def find(self, key: CallKey) -> StoredReply | None:
        """Return the reply of a call: one that is stored is always found."""
        await self._takes_time()
        CALL.set(key)
        found = await self._inside.find(key)
        if (found is not None) != (key in self.stored):
            self.problems.append(f"the stored reply {key} is not found")
        return found

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        """Store a reply; none that an earlier attempt has stored may come again."""
        await self._takes_time()
        if key in self._inherited:
            self.problems.append(f"S9: the call {key} was made again")
        await self._inside.store(key, agent, reply)
        self.stored[key] = agent
        self.held.setdefault(key, reply)
        self.news.set()
        await self._takes_time()

    async def _takes_time(self) -> None:
        if self._slowest_s:
            await asyncio.sleep(self._slowest_s * self._rng.random() ** 3)

    @property
    def paid(self) -> Counter[str]:
        """How many replies of each agent are stored."""
        return Counter(self.stored.values())

    def check(self, messages: Sequence[AnyMessage]) -> None:
        """Complain of a call that is under way, and has its reply already, or says another thing.

        Args:
            messages: What is sent: when a crash has taken its reply, the same is sent again.
        """
        key = CALL.get()
        if key in self.stored:
            self.problems.append(f"S9: the call {key} is made again")
        said = hash(tuple((one.type, str(one.content)) for one in messages))
        if key is not None and self.sent.setdefault(key, said) != said:
            self.problems.append(f"S9: the call {key} is made again, in other words")


class DiskStore(MemoryStore):
    """A store in memory that stays when its process has died.

    Args:
        saver: The checkpoints.
        seed: When the journal does what.
    """

    def __init__(self, saver: SlowSaver, seed: str) -> None:
        super().__init__()
        self.saver = self._saver = saver
        self.replies = WatchedJournal(self._replies, seed, saver.slowest_s)
        self.journal = self.replies  # type: ignore[assignment]

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a run that was cancelled is under way any more."""
        await self.slow.idle()

    @property
    def slow(self) -> SlowSaver:
        """The checkpoints."""
        saver: Any = self.saver
        assert isinstance(saver, SlowSaver)
        return saver

    def copied(self, seed: str) -> DiskStore:
        """Return what a new process would find, were this one to die now."""
        other = DiskStore(self.slow.copied(seed), seed)
        self._database._connection.backup(other._database._connection)
        for name in ("stored", "held", "told", "sent"):
            setattr(other.replies, name, dict(getattr(self.replies, name)))
        return other


class Disk(Storage):
    """The place of a store, which every event loop shares.

    Args:
        store: The store.
    """

    url = "memory:"

    def __init__(self, store: DiskStore) -> None:
        self.store = store

    async def opened(self) -> Store:
        """Return the store."""
        return self.store

    async def aclose(self) -> None:
        """Keep it."""
