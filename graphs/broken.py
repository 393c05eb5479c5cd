"""What broke a run: the exception, and the node that it came from."""

from __future__ import annotations

import re

from ..backends.errors import MassgraphError

# What LangGraph notes on an exception, from the innermost task to the outermost.
_TASK = re.compile(r"During task with name '(.*)' and id '")


def told(exc: Exception) -> str:
    """Return what an exception says, and at which node it was raised, if LangGraph noted it."""
    said = str(exc) if isinstance(exc, MassgraphError) else f"{type(exc).__name__}: {exc}"
    tasks = [found[1] for note in getattr(exc, "__notes__", ()) if (found := _TASK.match(note))]
    first = said.split("\nFor troubleshooting")[0].strip()
    return f"at {' > '.join(reversed(tasks))!r}: {first}" if tasks else first
