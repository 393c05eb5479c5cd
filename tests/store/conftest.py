"""Storages of every kind, each empty."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from massgraph.store import Storage, Store, open_storage
from tests.store.server import postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server's URL."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    """The URL of an empty database."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty storage."""
    match request.param:
        case "memory":
            url = "memory:"
        case "sqlite":
            url = f"sqlite:///{tmp_path}/threads.db"
        case _:
            url = request.getfixturevalue("database")
    made = open_storage(url)
    yield made
    await made.aclose()


@pytest.fixture
async def store(storage: Storage) -> Store:
    """An empty store, open."""
    return await storage.opened()
