"""Print a digest of the events of each seed: a run is a pure function of its seed.

`python -m tests.simulation.traces FIRST SEEDS` prints them. With `--compare` it does so in three
processes, which order sets and mappings by other hashes, and fails unless all print the same.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

from massgraph.nodes.events import event_to_json

from .simulate import drawn, play

HASH_SEEDS = (0, 1, 12345)


def digest(number: int) -> str:
    """Return a digest of a seed's events, times and ids included."""
    told = hashlib.blake2b(digest_size=16)
    for event in play(drawn(number), number):
        told.update(event_to_json(event).encode())
    return told.hexdigest()


def digests(first: int, seeds: int) -> Iterator[str]:
    """Give each seed with its digest."""
    for number in range(first, first + seeds):
        yield f"{number} {digest(number)}"


def differing(first: int, seeds: int) -> list[str]:
    """Return the seeds whose events are not the same under all of these hash seeds."""
    runs = [elsewhere(first, seeds, one) for one in HASH_SEEDS]
    told = [printed(run) for run in runs]
    assert all(len(lines) == seeds for lines in told), "seeds are missing"
    return [lines[0] for lines in zip(*told, strict=True) if len(set(lines)) > 1]


def elsewhere(first: int, seeds: int, hash_seed: int) -> subprocess.Popen[bytes]:
    """Start a process that prints these seeds' digests under a hash seed of its own."""
    command = [sys.executable, "-m", "tests.simulation.traces", str(first), str(seeds)]
    env = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE)


def printed(run: subprocess.Popen[bytes]) -> list[str]:
    """Return the lines that a process has printed, once it is done."""
    lines = run.communicate()[0].decode().splitlines()
    assert run.returncode == 0, "a seed failed"
    return lines


def main() -> int:
    """Print the digests of seeds, one a line, or compare them."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.traces", description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    logging.disable()
    if given.compare:
        found = differing(given.first, given.seeds)
        sys.stdout.write(f"{len(found)} of {given.seeds} seeds differ {' '.join(found)}\n")
        return int(bool(found))
    for line in digests(given.first, given.seeds):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
