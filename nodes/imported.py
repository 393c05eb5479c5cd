"""What a config names by `module:Name`."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from pathlib import Path
from typing import Any

from ..backends.errors import UserError

_NAME = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")


def imported(given: str) -> Any:
    """Return what `module:Name` names; modules of the working directory are found, too.

    What the module prints while it is imported goes to stderr.

    Raises:
        UserError: When it names nothing.
    """
    found = _NAME.fullmatch(given)
    if found is None:
        raise UserError(f"{given!r} names nothing: give it as 'module:Name'.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()
    module = found["module"]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            home = importlib.import_module(module)
    except (Exception, SystemExit) as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise UserError(f"The module {module!r} cannot be imported: {why}") from exc
    if not hasattr(home, found["name"]):
        raise UserError(f"The module {module!r} has no {found['name']!r}.")
    return getattr(home, found["name"])
