"""The `tools:` of an agent: functions of the user's own modules, by `module:function`."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .document import Document, Keys
from .problems import did_you_mean, quoted

_TOOL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

MOST_NAMES = 10
"""Functions of a module that are listed."""


def resolve_tools(names: Any, document: Document, keys: Keys) -> list[Any]:
    """Return the tools of these names; a text that is no tool's name is noted in the document."""
    tools: list[Callable[..., Any]] = []
    listed: list[Any] = names if isinstance(names, list) else []
    for number, name in enumerate(listed):
        if not isinstance(name, str):
            continue
        found = _resolve(name)
        if isinstance(found, str):
            document.problem((*keys, number), found)
        else:
            tools.append(found)
    return tools


def _resolve(name: str) -> Callable[..., Any] | str:
    """Return a tool, or what is wrong with its name."""
    if not _TOOL.fullmatch(name):
        return f"the tool {quoted(name)} is not supported yet; supported: 'module:function'"
    module_name, _, function = name.partition(":")
    try:
        module = _imported(module_name)
    except (Exception, SystemExit) as exc:
        return f"the module {module_name!r} cannot be imported: {type(exc).__name__}: {exc}"
    tool = getattr(module, function, None)
    if tool is None:
        known = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        near = did_you_mean(function, known)
        if "; known" in near and len(known) > MOST_NAMES:
            near = f"; known: {', '.join(known[:MOST_NAMES])}, ..."
        return f"the module {module_name!r} has no {function!r}{near}"
    if not (callable(tool) or hasattr(tool, "invoke")):
        return f"{name!r} is not a function"
    return tool  # type: ignore[no-any-return]


def _imported(module: str) -> Any:
    """Import a module, the working directory's own included, and keep it off stdout."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(module)
