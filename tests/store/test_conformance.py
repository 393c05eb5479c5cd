"""LangGraph's conformance suite over our checkpointers, as they are configured."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from langgraph.checkpoint.conformance import checkpointer_test, validate

from massgraph.store import open_storage


async def _passes(name: str, url: str, passed: int) -> None:
    @checkpointer_test(name=name)
    async def made() -> AsyncGenerator[Any]:
        storage = open_storage(url)
        try:
            yield (await storage.opened()).saver
        finally:
            await storage.aclose()

    report = await validate(made)
    results = {name: found for name, found in report.results.items() if found.detected}
    assert [failure for found in results.values() for failure in found.failures] == []
    assert sum(found.passed is True for found in results.values()) == passed


async def test_memory() -> None:
    """Memory passes all that it can do."""
    await _passes("memory", "memory:", 5)


async def test_sqlite() -> None:
    """SQLite passes all that it can do."""
    with tempfile.TemporaryDirectory() as folder:
        await _passes("sqlite", f"sqlite:///{Path(folder)}/threads.db", 5)


async def test_postgres(database: str) -> None:
    """PostgreSQL passes all that it can do."""
    await _passes("postgres", database, 6)
