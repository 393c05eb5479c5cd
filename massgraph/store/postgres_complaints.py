"""What psycopg's errors mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from psycopg_pool import PoolTimeout

from ..backends.errors import StoreError
from .complaints import one_line

UNNAMED = "no password supplied"
"""What libpq says when the server asks for a password and none was given; it has no code."""


def as_store_error(url: str, exc: Exception) -> StoreError:
    """Return an error of psycopg as a StoreError; the caller chains it."""
    if UNNAMED in str(exc):
        return StoreError(
            f"The database {url} asks for a password, and none was given: set PGPASSWORD, keep it "
            "in ~/.pgpass, or write it into the URL (postgresql://USER:PASSWORD@HOST/NAME)."
        )
    if isinstance(exc, PoolTimeout | psycopg.OperationalError):
        return StoreError(f"The database {url} can't be reached: {one_line(exc)}.")
    told = str(exc).partition("\n")[0] or type(exc).__name__  # what follows tells the row
    return StoreError(f"The database {url} fails: {told}.")


def foreign(url: str, table: str) -> StoreError:
    """Return the error for a database where a table of our name has not our columns."""
    return StoreError(
        f"The database {url} belongs to another program, or is damaged (its table {table!r} is not "
        "massgraph's): name another database."
    )


@asynccontextmanager
async def telling(url: str) -> AsyncGenerator[None]:
    """Raise psycopg's errors as StoreErrors."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as exc:
        raise as_store_error(url, exc) from exc
