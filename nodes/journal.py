"""The journal of a run: each reply is stored before anybody acts on it.

A resumed run takes from it what it has paid for. A call is known by the thread, by the place of its
node in the graph's checkpoints, and by its number within the node: the same after a crash, and
another in a fork.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..backends.reply import StoredReply


@dataclass(frozen=True, slots=True)
class CallKey:
    """What a call of a run is known by.

    Args:
        thread_id: The thread.
        checkpoint_ns: The place of its node: LangGraph's `execution_info.checkpoint_ns`.
        number: The call's number within one execution of the node, from 1.
    """

    thread_id: str
    checkpoint_ns: str
    number: int


class Journal(Protocol):
    """Where replies are stored; each method may be called from the run's event loop alone."""

    async def find(self, key: CallKey) -> StoredReply | None:
        """Return the reply of a call, or None when there is none.

        Raises:
            StoreError: When it cannot be read, or is not what was written.
        """
        ...

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        """Store a reply; it is on the disk when this returns.

        A second reply of the same call changes nothing.

        Raises:
            StoreError: When it cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one call in a journal.

    Args:
        journal: The journal.
        key: The call.
        agent: Whose call it is.
    """

    journal: Journal
    key: CallKey
    agent: str

    async def find(self) -> StoredReply | None:
        """Return the call's reply, if it is stored."""
        return await self.journal.find(self.key)

    async def store(self, reply: StoredReply) -> None:
        """Store the call's reply."""
        await self.journal.store(self.key, self.agent, reply)
