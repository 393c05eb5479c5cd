"""Measure start-up: CPU-seconds of `import massgraph` and `massgraph --help`.

    python -m benchmarks.startup [--runs 5]

Prints the smallest of several runs, with a bare interpreter in the same run for comparison; exits
with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

TARGETS = {"import massgraph": 0.15, "massgraph --help": 0.3}
"""CPU-seconds, on a 2-core machine of 2026."""

COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import massgraph": ["-c", "import massgraph"],
    "massgraph --help": ["-m", "massgraph", "--help"],
}


def cpu_seconds(arguments: list[str], runs: int) -> float:
    """Return the smallest CPU time of a Python process with these arguments."""
    best = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, used)
    return best


def main() -> int:
    """Measure, print, and say whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    good = True
    for name, arguments in COMMANDS.items():
        used = cpu_seconds(arguments, runs)
        target = TARGETS.get(name)
        good = good and (target is None or used <= target)
        print(f"{name:18} {used:.3f} CPU-s" + (f" (target {target})" if target else ""))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
