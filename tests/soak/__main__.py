"""Run the soak, or parts of it; `--help` lists them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .parts import PARTS, Part
from .soaking import Soaked, markdown, soak


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that are named, or all; return the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = [part.name for part in PARTS]
    unknown = [name for name in given.part if name not in names]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are: {', '.join(names)}")
    parts: list[Part] = [part for part in PARTS if part.name in (given.part or names)]
    began, ends = time.monotonic(), list[Soaked]()
    for end in soak(parts, full=given.full, jobs=given.jobs):
        ends.append(end)
        print(end, flush=True)
        if not end.passed:
            print(end.output, file=sys.stderr, flush=True)
    ends.sort(key=lambda end: parts.index(end.part))
    print(f"{len(ends)} parts in {time.monotonic() - began:.0f} s")
    if given.json is not None:
        told = {end.part.name: end.to_dict() for end in ends}
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if given.markdown is not None:
        given.markdown.write_text(markdown(ends), encoding="utf-8")
    return int(not all(end.passed for end in ends))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Show what takes too long for every test run.",
        epilog="\n".join(f"{part.name:13} {part.shows}" for part in PARTS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help="parts; all if none is named")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", dest="full", action="store_false", help="the short form (default)")
    form.add_argument("--full", action="store_true", help="the full form: hours")
    parser.set_defaults(full=False)  # or `store_false` would make the full form the default
    parser.add_argument("--jobs", type=int, default=2, help="parts at once (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a table there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
