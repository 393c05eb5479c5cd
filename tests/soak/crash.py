"""Crash runs after their durable writes, and see that they go on as if nothing had been.

`python -m tests.soak.crash --points 2000` tries so many crashes in runs of every kind;
`python -m tests.soak.crash KIND SEED` all of one run, and with POINT behind it one of them. The
last line of stdout is an object of figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from ..simulation.fast import quick_building
from .crash_cases import KINDS, case
from .crash_runs import Attempt, Point, check, crashed, uncut
from .crash_sqlite import crash_on_disk

FEW, MANY = 9, 40
"""Points of one run in the short form, and in the full one."""

AGAIN = 0.2
"""The share of runs that are crashed once more after they have gone on."""


@dataclass(slots=True)
class Tried:
    """What came of the crashes of one kind of run."""

    runs: int = 0
    points: int = 0
    crashed_again: int = 0
    calls_stored: int = 0
    calls_sent: int = 0
    wrong: int = 0


def sample(points: Sequence[Point], rng: random.Random, most: int) -> list[Point]:
    """Return points from everywhere in a run, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    inner = rng.sample(range(1, len(points) - 1), most - 2)
    return [points[number] for number in [0, *sorted(inner), len(points) - 1]]


def crash(whole: Attempt, point: Point, rng: random.Random, tried: Tried) -> None:
    """Crash a run at a point, and perhaps once more after that; check how it goes on.

    Raises:
        AssertionError: When something is wrong.
    """
    twice = rng.random() < AGAIN
    again = crashed(whole, point, watched=twice)
    tried.points += 1
    if again is None:
        return
    tried.calls_stored += len(point.durable.calls())
    tried.calls_sent += again.asked.requests
    check(whole, point, again)
    if twice:
        tried.points += 1
        tried.crashed_again += 1
        other = rng.choice(again.points)
        third = crashed(again, other)
        assert third is not None, "a thread is lost"
        check(whole, other, third)


def one_run(kind: str, seed: int, tried: Tried, *, most: int, only: int | None = None) -> None:
    """Crash one run at some of its points, and say what goes wrong."""
    whole = uncut(case(kind, seed))
    tried.runs += 1
    chosen = sample(whole.points, random.Random(seed), most) if only is None else whole.points
    for point in chosen:
        if only is not None and point.number != only:
            continue
        try:
            crash(whole, point, random.Random(f"{seed} {point.number}"), tried)
        except Exception as exc:
            tried.wrong += 1
            command = f"python -m tests.soak.crash {kind} {seed} {point.number}"
            print(f"{command}: after {point.what}: {type(exc).__name__}: {exc}", flush=True)
            if only is not None:
                raise


def _many(points: int, first: int, most: int) -> Iterator[tuple[str, Tried]]:
    tried = {kind: Tried() for kind in KINDS}
    for seed, kind in ((seed, kind) for seed in itertools.count(first) for kind in KINDS):
        if sum(one.points for one in tried.values()) >= points:
            break
        one_run(kind, seed, tried[kind], most=most)
    yield from tried.items()


def main(arguments: Sequence[str] | None = None) -> int:
    """Crash runs, print figures, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=KINDS)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("point", nargs="?", type=int)
    parser.add_argument("--points", type=int, default=300, help="crashes in memory (300)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--on-disk", type=int, default=40, help="crashes over SQLite files (40)")
    given = parser.parse_args(arguments)
    began = time.process_time()
    with quick_building():
        if given.kind is not None:
            tried = Tried()
            one_run(given.kind, given.seed, tried, most=10**6, only=given.point)
            found = {given.kind: tried}
        else:
            found = dict(_many(given.points, given.first, FEW if given.points < 1000 else MANY))
            found["on disk"] = _on_disk(given.on_disk)
    total = Tried(
        *(sum(values) for values in zip(*(asdict(t).values() for t in found.values()), strict=True))
    )
    figures = {"all": asdict(total) | {"cpu_s": round(time.process_time() - began)}}
    print(json.dumps(figures | {kind: asdict(one) for kind, one in found.items()}))
    return int(total.wrong > 0)


def _on_disk(points: int) -> Tried:
    tried = Tried()
    for seed in itertools.count():
        if tried.points >= points:
            return tried
        stored, sent, wrong = crash_on_disk(case("tools", seed), points - tried.points)
        for line in wrong:
            print(f"on disk, tools {seed}: {line}", flush=True)
        tried.runs += 1
        tried.points += len(stored)
        tried.calls_stored += sum(stored)
        tried.calls_sent += sent
        tried.wrong += len(wrong)
    return tried


if __name__ == "__main__":
    sys.exit(main())
