"""The processes that a test has started."""

from __future__ import annotations

import psutil


def children() -> list[psutil.Process]:
    """Return this process's children, less the database of other tests, which outlives them."""
    found = psutil.Process().children(recursive=True)
    return [child for child in found if not _is_database(child)]


def _is_database(child: psutil.Process) -> bool:
    try:
        return child.name() == "postgres"
    except psutil.NoSuchProcess:
        return False
