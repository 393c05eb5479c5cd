"""The parts of a soak: one row each. To add a part is to add a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A command that exits with 0 if what it shows is true.

    The last line that it writes to stdout is its figures: a JSON object, or else any text.

    Args:
        name: What it is called on the command line.
        shows: What it shows, in one line.
        short: What Python is given in the short form.
        full: What Python is given in the full form; the same where it is left out.
    """

    name: str
    shows: str
    short: tuple[str, ...]
    full: tuple[str, ...] = ()


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", name, *arguments)


SEEDS = "tests.simulation.many"

PARTS = (
    Part(
        "marked",
        "tests that are too slow for every day",
        _module("pytest", "-q", "-m", "soak", "-p", "no:cacheprovider", "tests"),
    ),
    Part(
        "backpressure",
        "a reader that stops reading stops nothing, and memory is bounded",
        _module("tests.soak.backpressure", "--short"),
        _module("tests.soak.backpressure"),
    ),
    Part(
        "leaks",
        "nothing of a run stays behind",
        _module("tests.soak.leaks", "--short"),
        _module("tests.soak.leaks"),
    ),
    Part(
        "crash",
        "a run that is crashed after any durable write goes on as if nothing had been",
        _module("tests.soak.crash", "--points", "220", "--on-disk", "20"),
        _module("tests.soak.crash", "--points", "2000", "--on-disk", "200"),
    ),
    Part(
        "kill",
        "a run whose process is killed goes on, and asks for nothing that is stored",
        _module("tests.soak.kill", "--kills", "20"),
        _module("tests.soak.kill", "--minutes", "60"),
    ),
    Part(
        "simulate",
        "every seed keeps the invariants",
        _module(SEEDS, "--from", "1000", "--seeds", "500"),
        _module(SEEDS, "--from", "1000", "--seeds", "50000"),
    ),
    Part(
        "bugs",
        "each planted bug is caught",
        _module("tests.simulation.bugs"),
    ),
    Part(
        "traces",
        "a seed gives the same events under any hash seed",
        _module("tests.simulation.traces", "0", "100", "--compare"),
    ),
    Part(
        "model",
        "no state of the protocol's model breaks it, and the engine follows its traces",
        _module("tests.model", "--short"),
        _module("tests.model"),
    ),
)
