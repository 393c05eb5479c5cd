"""Run many seeds in several processes: `make simulate SEEDS=50000 JOBS=2 FROM=0`.

Every seed that fails is printed with the command that replays it. After Ctrl-C, or for the next
night, `FROM=` goes on where the last line of progress says.
"""

from __future__ import annotations

import argparse
import gc
import logging
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

from .simulate import drawn, play

CHUNK = 25
"""Seeds that a process is given at once."""
TOO_LONG_S = 120
"""Real seconds after which a seed counts as stuck."""
SAYS_EVERY_S = 10.0
AFRESH_AFTER = 80
"""Chunks after which a process makes way for a new one."""


class StuckError(AssertionError):
    """A seed that does not come to its end."""


def _stuck(_signal: int, _frame: FrameType | None) -> None:
    raise StuckError("it does not end")


def _prepare() -> None:
    """Prepare a process: the parent alone hears Ctrl-C, and tells what is to be told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, _stuck)
    logging.disable()
    gc.freeze()  # what was imported need not be looked through again and again


def run_chunk(first: int, seeds: int) -> list[str]:
    """Run seeds, and return what is to be said of those that fail."""
    failures = []
    for number in range(first, first + seeds):
        family = drawn(number)
        signal.alarm(TOO_LONG_S)
        try:
            play(family, number)
        except AssertionError as exc:
            failures.append(f"seed {number}: {exc}")
        finally:
            signal.alarm(0)
    return failures


def _run(chunk: tuple[int, int]) -> tuple[int, list[str]]:
    return chunk[1], run_chunk(*chunk)


def chunks(first: int, seeds: int) -> Iterator[tuple[int, int]]:
    """Give out where chunks begin, and how many seeds each of them has."""
    for start in range(first, first + seeds, CHUNK):
        yield start, min(CHUNK, first + seeds - start)


class Progress:
    """Says now and then how far it has come.

    Args:
        first: The first seed.
        seeds: How many there are.
    """

    def __init__(self, first: int, seeds: int) -> None:
        self.done = self.failed = 0
        self._first, self._seeds = first, seeds
        self._begun = self._said = time.monotonic()

    def took(self, seeds: int, failures: list[str]) -> None:
        """Take in what a chunk has come to."""
        self.done += seeds
        self.failed += len(failures)
        for failure in failures:
            sys.stdout.write(f"{failure}\n")
        if failures or time.monotonic() - self._said >= SAYS_EVERY_S:
            self.say()

    def say(self) -> None:
        """Say it now."""
        self._said = time.monotonic()
        rate = self.done / max(self._said - self._begun, 1e-9)
        left = (self._seeds - self.done) / rate if rate else 0.0
        sys.stdout.write(
            f"{self.done:,} of {self._seeds:,} seeds, {self.failed} failed, {rate:.1f} a second, "
            f"{left / 60:.0f} minutes left; next FROM={self._first + self.done}\n"
        )
        sys.stdout.flush()


def simulate_many(first: int, seeds: int, jobs: int) -> int:
    """Run seeds in several processes, and return the exit status: 1 when one of them fails."""
    progress = Progress(first, seeds)
    with multiprocessing.get_context("fork").Pool(
        jobs, initializer=_prepare, maxtasksperchild=AFRESH_AFTER
    ) as pool:
        try:
            for took, failures in pool.imap(_run, chunks(first, seeds)):
                progress.took(took, failures)
        except KeyboardInterrupt:
            progress.say()
            return 130
    progress.say()
    return int(progress.failed > 0)


def main(argv: list[str] | None = None) -> int:
    """Run seeds as a command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.many", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(argv)
    return simulate_many(given.first, given.seeds, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
