"""The command line. What it promises stands in docs/cli.md.

This module imports next to nothing: whoever presses Ctrl-C while the rest is imported gets a line
and a status like at any other time.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit with its status."""
    try:
        from .commands import status_of

        status = status_of(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("massgraph: error: interrupted; nothing was run\n")
        status = 130
    sys.exit(status)
