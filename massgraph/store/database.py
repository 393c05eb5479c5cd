"""A database as the journal and the index see it: plans of statements, each in one transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Row: TypeAlias = tuple[Any, ...]
Statement: TypeAlias = tuple[str, tuple[Any, ...]]

Plan: TypeAlias = Generator[Statement, list[Row], T]
"""Yields statements (with `?` for values), gets the rows of each, and returns a result. What is
written once this way runs on every database, in a thread or on the event loop."""


class Database(ABC):
    """Runs plans, one at a time.

    Both methods raise StoreError when the database fails; what a plan raises undoes it.

    Args:
        url: Where it is, without a password, for messages.
    """

    url: str

    @abstractmethod
    async def read(self, plan: Plan[T]) -> T:
        """Run a plan that changes nothing; all its statements see one state of the database."""

    @abstractmethod
    async def write(self, plan: Plan[T]) -> T:
        """Run a plan; what it has changed is on the disk when this returns."""
