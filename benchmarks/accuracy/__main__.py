"""Measure the accuracy of teams of simulated agents, and plot it into the documentation.

    python -m benchmarks.accuracy [--quick] [--redraw] [--questions 600] [--jobs 2] [--out FOLDER]

Writes benchmarks/results/accuracy.json, docs/img/accuracy-*.svg and the tables of
docs/accuracy.md; with `--redraw` from the results that are there. `--quick` measures a few cells
in some seconds, prints their table, and writes nothing. With `--out` all files go to that folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import figures
from .grid import PARTS, QUICK, cells
from .page import PAGE, table, with_tables
from .results import STORED, Study, from_json, measured, to_json

QUESTIONS = 600
QUICK_QUESTIONS = 100


def write(study: Study, out: Path | None = None) -> None:
    """Write the results, the pictures and the page.

    Args:
        study: What was measured.
        out: The folder that they go to; None for their places in the checkout.
    """
    results, page = (out / STORED.name, out / PAGE.name) if out else (STORED, PAGE)
    pictures = out or figures.FOLDER
    pictures.mkdir(parents=True, exist_ok=True)
    results.write_text(to_json(study), encoding="utf-8")
    page.write_text(with_tables(PAGE.read_text(encoding="utf-8"), study), encoding="utf-8")
    figures.draw(study, pictures)


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write or print what comes out."""
    parser = argparse.ArgumentParser(prog="benchmarks.accuracy", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--redraw", action="store_true")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    if options.quick:
        quick = measured(cells(QUICK), options.questions or QUICK_QUESTIONS, jobs=options.jobs)
        print("\n\n".join("\n".join(table(part, quick)) for part in QUICK))
    elif options.redraw:
        write(from_json(STORED.read_text(encoding="utf-8")), options.out)
    else:
        write(
            measured(cells(PARTS), options.questions or QUESTIONS, jobs=options.jobs), options.out
        )
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
