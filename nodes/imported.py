"""What a config names by `module:Name`."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from pathlib import Path
from typing import Any

from ..backends.errors import UserError
from ..backends.words import did_you_mean, quoted

_NAME = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")
_MOST_NAMES = 10
"""Names of a module that a message lists."""


def imported(given: str) -> Any:
    """Return what `module:Name` names; modules of the working directory are found, too.

    What the module prints while it is imported goes to stderr.

    Raises:
        UserError: When it names nothing.
    """
    found = _NAME.fullmatch(given)
    if found is None:
        raise UserError(f"{quoted(given)} names nothing: give it as 'module:Name'.")
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
        raise UserError(f"The module {module!r} has no {found['name']!r}.", hint=_hint(home, found))
    return getattr(home, found["name"])


def is_name(given: str) -> bool:
    """Return whether a text has the form `module:Name`."""
    return _NAME.fullmatch(given) is not None


def _hint(home: object, found: re.Match[str]) -> str:
    """Return the name of a module's that was perhaps meant, or what there is."""
    known = [name for name, one in vars(home).items() if callable(one) and name[0] != "_"]
    near = did_you_mean(found["name"], known)
    if "; known" in near:
        end = ", ..." if len(known) > _MOST_NAMES else "."
        near = f"It has {', '.join(known[:_MOST_NAMES])}{end}"
    return near.replace("; did", "Did", 1)
