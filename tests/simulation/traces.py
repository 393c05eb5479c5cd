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
from collections.abc import Sequence

from massgraph.nodes.events import event_to_json

from .simulate import drawn, play

HASH_SEEDS = (0, 1, 12345)


def digest(number: int) -> str:
    """Return a digest of a seed's events, times and ids included."""
    told = hashlib.blake2b(digest_size=16)
    for event in play(drawn(number), number):
        told.update(event_to_json(event).encode())
    return told.hexdigest()


def differing(first: int, seeds: int, hash_seeds: Sequence[int] = HASH_SEEDS) -> list[str]:
    """Return the seeds whose events are not the same under all of these hash seeds."""
    command = [sys.executable, "-m", "tests.simulation.traces", str(first), str(seeds)]
    runs = [
        subprocess.Popen(
            command, env={**os.environ, "PYTHONHASHSEED": str(one)}, stdout=subprocess.PIPE
        )
        for one in hash_seeds
    ]
    told = [run.communicate()[0].decode().splitlines() for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), "a seed failed"
    assert all(len(lines) == seeds for lines in told), "seeds are missing"
    return [lines[0] for lines in zip(*told, strict=True) if len(set(lines)) > 1]


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
    for number in range(given.first, given.first + given.seeds):
        sys.stdout.write(f"{number} {digest(number)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
