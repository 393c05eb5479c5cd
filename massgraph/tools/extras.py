"""The extras that some tools need."""

from __future__ import annotations

import importlib.util
import sys

from ..backends.errors import MissingError

EXTRAS = {"simpleeval": "tools", "langchain_mcp_adapters": "mcp"}
"""A package -> the extra of massgraph that installs it."""


def check_extra(package: str, needed_by: str) -> None:
    """Check that a package is there; it is not imported.

    Args:
        package: One of EXTRAS.
        needed_by: Who needs it, as the message begins.

    Raises:
        MissingError: When it is not, with the command that installs it.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingError(
            f"{needed_by} needs the package {package!r}:",
            hint=f"\"{sys.executable}\" -m pip install 'massgraph[{EXTRAS[package]}]'",
        )
