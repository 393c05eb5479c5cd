"""Lease: one user's share in a storage. The last one that is given back closes the store."""

from __future__ import annotations

from ..closing import ClosingExit
from .base import Storage, Store


class Lease(ClosingExit, Storage):
    """A share in a storage, for whoever uses it beside others.

    On each event loop the storage's store stays open from the first lease that opens it until the
    last one is closed there: a team, a `Threads`, or a person who keeps it open for longer:

        async with Lease(storage) as store:
            ...  # teams with `db=storage` come and go, and share one store

    A lease whose holder is gone without closing it holds nothing any more.

    Args:
        storage: The storage, or another lease of it.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.url = storage.url

    @property
    def key(self) -> object:
        """That of the storage."""
        return self._storage.key

    async def opened(self) -> Store:
        """Return the running loop's store, opened if it is not, and hold it."""
        return await self.opened_for(self)

    async def aclose(self) -> None:
        """Give the share back; the running loop's store is closed if it was the last one."""
        await self.let_go(self)

    async def opened_for(self, holder: object) -> Store:
        """Return the running loop's store, held by somebody else."""
        return await self._storage.opened_for(holder)

    async def let_go(self, holder: object) -> None:
        """Give somebody else's share back."""
        await self._storage.let_go(holder)

    async def __aenter__(self) -> Store:
        try:
            return await self.opened()
        except BaseException:
            await self.aclose()
            raise
