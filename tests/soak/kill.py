"""kill -9 of the real command line at random moments, over SQLite and PostgreSQL.

`python -m tests.soak.kill --kills 20`, or `--minutes 60`. A run of three agents, whose provider is
a server, is killed at a moment that is uniform over the time that it usually takes, in every second
trial in the moment after some reply was sent, and goes on with `massgraph resume`, which is killed
again in a third of the trials, and so on. Each process is forked off this one, which has imported
everything before. The last line of stdout is an object of
figures.

What is asked again though its reply was stored, and what ends otherwise than a run that was never
killed, must be 0. `billed_twice` counts replies that the provider had sent to the end when the
process was killed, before it could store them: that gap no program can close.

For comparison: of LangGraph's runs that were killed at random moments, 100 in each mode, 1.4 % of
the completed calls were billed twice under `durability="sync"`, and 5.9 % under `async`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kill_child import Ended, called, warm_up
from .kill_places import Place, places
from .kill_provider import Provider, provider
from .kill_tally import Tally
from .kill_trial import OF_A_RUN, Plan, Trial

LANGGRAPH = {"sync_billed_twice_percent": 1.4, "async_billed_twice_percent": 5.9}

TEAM = """\
agents:
  - {{id: alice, backend: {{type: chat_completions, model: alice, base_url: "{url}"}}}}
  - {{id: bob, backend: {{type: chat_completions, model: bob, base_url: "{url}"}}}}
  - {{id: carol, backend: {{type: chat_completions, model: carol, base_url: "{url}"}}}}
policy: {{on_new_answer: {on_new_answer}}}
"""

REFERENCES = 3
"""Runs that are never killed, to know the result and how long it takes."""


@dataclass(frozen=True)
class Reference:
    """A run that was never killed.

    Args:
        result: Its result, less what two runs do not share.
        calls: How many requests it has sent, all of them different.
        seconds: How long such runs take.
    """

    result: dict[str, Any]
    calls: int
    seconds: float


class Bench:
    """What the trials over one place share.

    Args:
        place: Where threads are kept.
        provider: Whom the teams ask.
        folder: Where each trial gets a folder.
    """

    def __init__(self, place: Place, provider: Provider, folder: Path) -> None:
        self._place, self._provider, self._folder = place, provider, folder
        self._configs = {name: self._config(name) for name in ("finish", "cancel")}
        self._reference = self._unkilled()
        self.tally = Tally()

    def trials(self, more: Callable[[Tally], bool]) -> None:
        """Make trials for as long as more are wanted."""
        while more(self.tally):
            plan = self._plan(self.tally.trials)
            folder = self._folder / str(plan.number)
            before = len(self.tally.problems)
            Trial(plan, self._place, self._provider, folder, self.tally).play()
            for problem in self.tally.problems[before:]:
                print(problem, file=sys.stderr, flush=True)

    def _plan(self, number: int) -> Plan:
        """Return a trial: one of two is aimed, in one of four peers are stopped.

        One of eight begins with a signal that asks the process to end.
        """
        known = number % 4 != 3
        first = {5: signal.SIGTERM, 6: signal.SIGINT}.get(number % 16, signal.SIGKILL)
        return Plan(
            number=number,
            config=self._configs["finish" if known else "cancel"],
            first=first,
            aimed=number % 2 == 1,
            usual_s=self._reference.seconds,
            expected=self._reference.result if known else None,
            calls=self._reference.calls if known else None,
        )

    def _config(self, on_new_answer: str) -> Path:
        path = self._folder / f"{on_new_answer}.yaml"
        path.write_text(TEAM.format(url=self._provider.base_url, on_new_answer=on_new_answer))
        return path

    def _unkilled(self) -> Reference:
        ended = [self._called(number) for number in range(REFERENCES)]
        results = [{k: v for k, v in one.json.items() if k not in OF_A_RUN} for one, _ in ended]
        if any(result != results[0] for result in results):
            raise RuntimeError("runs of one question end in different ways")
        seconds = statistics.median(one.seconds for one, _ in ended)
        return Reference(results[0], ended[0][1], seconds)

    def _called(self, number: int) -> tuple[Ended, int]:
        """Return a run that is never killed, and how many requests it has sent."""
        folder = self._folder / f"reference{number}"
        folder.mkdir()
        words = ["run", "-c", str(self._configs["finish"]), "--json", *self._place.words(0), "q"]
        if not number:
            warm_up(words, folder)
            self._provider.requests()
        ended = called(words, folder)
        sent = [one.digest for one in self._provider.requests()]
        if ended.status or len(set(sent)) != len(sent):
            raise RuntimeError(f"a run that was never killed: {ended}\n{ended.err}")
        return ended, len(sent)


def main() -> int:
    """Make the trials, print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many for each place")
    parser.add_argument("--minutes", type=float, help="how long, all together, instead")
    parser.add_argument("--place", action="append", choices=PLACES, help="one of them")
    given = parser.parse_args()
    names: list[str] = given.place or list(PLACES)
    told: dict[str, Any] = {}
    passed = True
    with provider() as asked, places(names) as found:
        for place in found:
            tally = _played(place, asked, _more(given.kills, given.minutes, len(names)))
            told[place.name] = tally.figures()
            passed = passed and tally.passed
    print(json.dumps({**told, "langgraph": LANGGRAPH}))
    return int(not passed)


PLACES = ("sqlite", "postgresql")


def _more(kills: int, minutes: float | None, parts: int) -> Callable[[Tally], bool]:
    if minutes is None:
        return lambda tally: tally.kills < kills
    began, seconds = time.monotonic(), minutes * 60 / parts
    return lambda _: time.monotonic() - began < seconds


def _played(place: Place, asked: Provider, more: Callable[[Tally], bool]) -> Tally:
    """Make trials; the folders of those that went wrong are left."""
    folder = Path(tempfile.mkdtemp(prefix=f"mg-kill-{place.name}-"))
    bench = Bench(place, asked, folder)
    bench.trials(more)
    if bench.tally.passed:
        shutil.rmtree(folder)
    return bench.tally


if __name__ == "__main__":
    sys.exit(main())
