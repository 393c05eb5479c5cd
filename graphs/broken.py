"""What broke a run: the exception, and the node that it came from."""

from __future__ import annotations

import re

from ..backends.errors import MassgraphError, StoreError

_ADVICE = "\nFor troubleshooting"
# What LangGraph notes on an exception, from the innermost task to the outermost.
_TASK = re.compile(r"During task with name '(.*)' and id '")


def told(what: str, exc: Exception) -> str:
    """Return what is said of something that an exception broke: at which node, and how.

    Args:
        what: What broke.
        exc: What was raised in it.
    """
    said = str(exc) if isinstance(exc, MassgraphError) else f"{type(exc).__name__}: {exc}"
    said = said.split(_ADVICE)[0].strip()
    tasks = [found[1] for note in getattr(exc, "__notes__", ()) if (found := _TASK.match(note))]
    if isinstance(exc, StoreError) and not tasks:
        return said  # none of its nodes broke
    place = f" at {' > '.join(reversed(tasks))!r}" if tasks else ""
    return f"{what} broke{place}: {said}"
