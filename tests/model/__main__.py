"""`python -m tests.model`: explore the model at full size, and replay traces on the engine.

python -m tests.model                     3 agents with 3 answers, 4 with 1; then 500 traces
python -m tests.model --all               the same under many policies
python -m tests.model --short             the small ones and 3 agents with 3 answers; 100 traces
python -m tests.model --traces 5000       replay so many traces; explore nothing
python -m tests.model --replay 'TRACE'    replay one trace, as a failure prints it
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from massgraph.nodes.events import event_to_json

from .protocol import Config, Protocol
from .replay import replay
from .rounds import Rounds
from .sizes import COVERED, DRAWN, LARGE, ROUND_BY_ROUND, STEP_BY_STEP, everything
from .traces import Trace, covering, drawn, read


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--all", action="store_true", help="explore many policies")
    parser.add_argument("--short", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--traces", type=int, help="replay so many traces, explore nothing")
    parser.add_argument("--seed", type=int, default=0, help="the first seed of what is drawn")
    parser.add_argument("--replay", metavar="TRACE", help="replay one trace")
    given = parser.parse_args(arguments)
    if given.replay:
        for event in replay(read(given.replay)):
            print(event_to_json(event))
        return
    if given.traces is None:
        large = LARGE[:1] if given.short else LARGE
        explore_all(everything() if given.all else (*STEP_BY_STEP, *ROUND_BY_ROUND, *large))
    count = given.traces if given.traces is not None else 100 if given.short else 500
    replay_all(islice(traces(given.seed), count))


def explore_all(configs: Iterable[Config]) -> None:
    """Explore each of these from round to round, and tell how much there is."""
    total, began = [0, 0, 0], time.process_time()
    for number, config in enumerate(configs, 1):
        since = time.process_time()
        found = Rounds(Protocol(config)).explore()
        seconds = time.process_time() - since
        for place, count in enumerate((len(found.borders), found.states, found.transitions)):
            total[place] += count
        print(
            f"{number:3} {len(found.borders):8,} round borders {found.states:10,} states"
            f" {found.transitions:11,} transitions, at most {found.longest:2} rounds,"
            f" {seconds:6.1f} s  {named(config)}",
            flush=True,
        )
    borders, states, transitions = total
    print(
        f"{borders:,} round borders, {states:,} states, {transitions:,} transitions:"
        f" every invariant holds ({time.process_time() - began:.0f} CPU-s)"
    )


def named(config: Config) -> str:
    """Return a configuration in words."""
    given = config._asdict()
    plain = Config(config.agents, config.answers)._asdict()
    more = [f"{key}={value}" for key, value in given.items() if value != plain[key]]
    return ", ".join([f"{config.agents} agents, {config.answers} answers each", *more])


def traces(seed: int = 0) -> Iterator[Trace]:
    """Give out traces without end: first those that cover all kinds of steps, then by lot."""
    for config in (*COVERED, *DRAWN):
        yield from covering(config, 4000, set())
    while True:
        yield drawn(DRAWN[seed % len(DRAWN)], seed)
        seed += 1


def replay_all(chosen: Iterable[Trace]) -> None:
    """Replay traces on the engine; the first that differs ends it, and says how to replay it."""
    count, kinds, began = 0, set[str](), time.process_time()
    for trace in chosen:
        replay(trace)
        count, kinds = count + 1, kinds | trace.kinds
    seconds = time.process_time() - began
    print(f"{count:,} traces with {len(kinds)} kinds of steps: the engine went the model's way")
    print(f"({seconds:.0f} CPU-s)")


if __name__ == "__main__":
    main(sys.argv[1:])
