"""What psycopg's errors mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg

from ..backends.errors import StoreError
from .complaints import AwayError, one_line

UNNAMED = "no password supplied"
"""What libpq says when the server asks for a password and none was given; it has no code."""

SUSPECT = ("XX", "22", "42P01", "42703")
"""How the codes begin that may tell of damage: internal errors, values that can't be read, a table
or a column that is gone. https://www.postgresql.org/docs/16/errcodes-appendix.html"""


def as_store_error(url: str, exc: Exception) -> StoreError:
    """Return an error of psycopg as a StoreError; the caller chains it."""
    if UNNAMED in str(exc):
        return AwayError(
            f"The database {url} asks for a password, and none was given: set PGPASSWORD, keep it "
            "in ~/.pgpass, or write it into the URL (postgresql://USER:PASSWORD@HOST/NAME)."
        )
    if isinstance(exc, psycopg.OperationalError):
        return AwayError(f"The database {url} can't be reached: {one_line(exc)}.")
    told = str(exc).partition("\n")[0] or type(exc).__name__  # what follows tells the row
    code = getattr(exc, "sqlstate", None) or ""
    kind = StoreError if code.startswith(SUSPECT) else AwayError
    return kind(f"The database {url} fails: {told}.")


def foreign(url: str, table: str) -> StoreError:
    """Return the error for a database where a table of our name has not our columns."""
    return StoreError(
        f"The database {url} belongs to another program, or is damaged (its table {table!r} is not "
        "massgraph's): name another database."
    )


def taken(thread_id: str) -> StoreError:
    """Return the error for a run whose hold was lost, and which another run has had since."""
    return AwayError(
        f"The run on the thread {thread_id!r} lost its hold with its connection to the database, "
        "and another one has had the thread since: this one ends."
    )


@asynccontextmanager
async def telling(url: str) -> AsyncGenerator[None]:
    """Raise psycopg's errors as StoreErrors."""
    try:
        yield
    except psycopg.Error as exc:
        raise as_store_error(url, exc) from exc
