"""`${NAME}` in a text stands for a variable of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..backends.errors import MissingError
from ..backends.keys import shown_variable

_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def missing_variables(text: str) -> list[str]:
    """Return the variables that a text names and that are not set."""
    return [name for name in _NAMED.findall(text) if not os.environ.get(name)]


def filled_in(
    values: Mapping[str, str], needed_by: str, *, missing_ok: bool = False
) -> dict[str, str]:
    """Return values with the variables that they name.

    Args:
        values: Names and their values.
        needed_by: Who needs them, as a message begins.
        missing_ok: Whether one that is not set is left empty.

    Raises:
        MissingError: When a variable is not set.
    """
    for value in () if missing_ok else values.values():
        for name in missing_variables(value):
            raise MissingError(
                f"{needed_by} needs the environment variable {shown_variable(name)}, "
                "which is not set."
            )
    return {
        key: _NAMED.sub(lambda found: os.environ.get(found[1], ""), value)
        for key, value in values.items()
    }
