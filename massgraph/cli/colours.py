"""Whether colours are wanted."""

from __future__ import annotations

import os


def coloured(is_terminal: bool) -> bool:
    """Return whether to write in colours: at a terminal that can, unless NO_COLOR is set."""
    dumb = os.environ.get("TERM", "") in ("", "dumb")
    return is_terminal and not dumb and not os.environ.get("NO_COLOR")
