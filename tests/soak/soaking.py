"""Run parts of a soak beside each other, and tell of each how it ended."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from .cases import Figures, figures_of, line
from .parts import Part


@dataclass(frozen=True, slots=True)
class Soaked:
    """How a part ended.

    Args:
        part: The part.
        passed: Whether what it shows is true.
        seconds: How long it took.
        figures: What it measured.
        output: All that it wrote.
    """

    part: Part
    passed: bool
    seconds: float
    figures: Figures
    output: str

    def __str__(self) -> str:
        verdict = "ok" if self.passed else "FAILED"
        return f"{self.part.name:13} {verdict:6} {self.seconds:6.0f} s  {line(self.figures)}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "shows": self.part.shows,
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "figures": self.figures,
        }


def soak(parts: Sequence[Part], *, full: bool, jobs: int) -> Iterator[Soaked]:
    """Run parts, each in a process of its own, and give out how each ended, the first one first.

    Args:
        parts: The parts.
        full: Whether in the full form.
        jobs: How many may run at once.
    """
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_run, part, full) for part in parts]
        for done in as_completed(running):
            yield done.result()


def _run(part: Part, full: bool) -> Soaked:
    arguments = (part.full or part.short) if full else part.short
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    return Soaked(part, done.returncode == 0, seconds, figures_of(done.stdout), done.stdout)


def markdown(ends: Iterable[Soaked]) -> str:
    """Return a table of how parts ended, a row for each case."""
    rows = ["| part | shows | case | figures | time |", "|---|---|---|---|---|"]
    for end in ends:
        cases = [(name, case) for name, case in end.figures.items() if isinstance(case, dict)]
        head, time_s = (end.part.name, end.part.shows), f"{end.seconds:.0f} s"
        for name, figures in cases or [("", end.figures)]:
            rows.append("| " + " | ".join([*head, name, line(figures), time_s]) + " |")
            head, time_s = ("", ""), ""
    return "\n".join(rows) + "\n"
