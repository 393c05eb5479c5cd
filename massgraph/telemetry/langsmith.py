"""LangSmith, which LangGraph sends its runs to by itself, kept from harming a program."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from .remarks import make_remarks

SWITCHES = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
)
"""The variables that switch LangSmith on."""


def is_on(environ: MutableMapping[str, str] = os.environ) -> bool:
    """Return whether the environment switches it on."""
    return any(environ.get(name, "").strip().lower() == "true" for name in SWITCHES)


def tame(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let it hold up no end of the program, and write over nothing; before its first use."""
    environ.setdefault("LANGSMITH_USE_DAEMON", "true")
    make_remarks("langsmith")


def flush() -> None:
    """Send what is still to be sent, however long it takes."""
    from langsmith.run_trees import get_cached_client

    get_cached_client().flush()
