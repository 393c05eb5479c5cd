"""A PostgreSQL server as its users see it: open, or gone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import psycopg

from massgraph.store import Store, open_storage

CANARY = "canary-7"
"""Their password."""

CUT_ALL = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)

LEAVING = ("ALTER ROLE person NOLOGIN", CUT_ALL)
"""What lets the server be gone, for `person`."""


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    """Open a database while the block runs."""
    storage = open_storage(url)
    try:
        yield await storage.opened()
    finally:
        await storage.aclose()


@contextmanager
def role(database: str, name: str) -> Generator[str]:
    """Make a user while the block runs, and give the URL with its name."""
    tell(database, f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{CANARY}'")
    yield database.replace("postgres:unasked@", f"{name}@")
    tell(database, CUT_ALL, f"REASSIGN OWNED BY {name} TO postgres", f"DROP ROLE {name}")


def leave(database: str) -> None:
    """Let the server be gone, for `person`."""
    tell(database, *LEAVING)


def come_back(database: str) -> None:
    """Let the server be there again, for `person`."""
    tell(database, "ALTER ROLE person LOGIN")


def tell(database: str, *statements: str) -> None:
    """Run statements, each on its own."""
    with psycopg.connect(database, autocommit=True) as other:
        for statement in statements:
            other.execute(statement.encode())
