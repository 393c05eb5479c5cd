"""Cases of one part, each in a process of its own, so that none finds what another left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

Figures = Mapping[str, Any]


def apart(module: str, arguments: Iterable[str]) -> tuple[bool, Figures]:
    """Run a module in a process of its own; return whether it passed, and its figures.

    Args:
        module: Its name.
        arguments: Its arguments.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode == 0, figures_of(done.stdout)


def figures_of(output: str) -> Figures:
    """Return the object in the last line of an output; if there is none, the line itself."""
    last = ([line for line in output.splitlines() if line.strip()] or [""])[-1].strip()
    try:
        figures = json.loads(last)
    except ValueError:
        figures = None
    if isinstance(figures, dict):
        return figures
    return {"said": last.strip("= ")} if last else {}


def run_cases(module: str, cases: Mapping[str, Iterable[str]]) -> int:
    """Run the cases of a part, print the figures of each, and return the exit status.

    Args:
        module: The module that runs one case.
        cases: The arguments of each case, by its name.
    """
    all_passed, told = True, {}
    for name, arguments in cases.items():
        passed, figures = apart(module, arguments)
        told[name] = figures
        all_passed = all_passed and passed
        print(f"{name}: {'' if passed else 'FAILED '}{line(figures)}", flush=True)
    print(json.dumps(told))
    return int(not all_passed)


def line(figures: Figures) -> str:
    """Return figures as one line of text."""
    inner = {name: value for name, value in figures.items() if isinstance(value, Mapping)}
    if inner:
        return "; ".join(f"{name}: {line(value)}" for name, value in inner.items())
    return ", ".join(
        f"{value:,} {name}" if isinstance(value, int | float) else str(value)
        for name, value in figures.items()
    ).replace("_", " ")
