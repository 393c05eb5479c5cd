"""One trial: a run that is killed, once or several times in a row, and goes on to its end."""

from __future__ import annotations

import random
import shutil
import signal
import stat
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kill_child import Child, Ended, called
from .kill_places import Place
from .kill_provider import Provider
from .kill_tally import Tally

MOST_KILLS = 4
"""In a row."""

AFTER_S = 0.05
MOST_REPLIES = 8
"""An aimed kill comes so soon after one of so many replies: it is being stored, or acted on."""

AGAIN = 1 / 3
"""How often a run that goes on is killed again."""

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}

FREE_S = 2.0
"""Seconds at most until PostgreSQL has seen that a process is gone."""

OF_A_RUN = ("thread_id", "duration_s")
"""What two runs of one question do not share."""


@dataclass(frozen=True)
class Plan:
    """What a trial is.

    Args:
        number: Its number: its thread, its question and its random moments.
        config: The team.
        first: What ends the first process: SIGKILL, SIGINT or SIGTERM.
        aimed: Whether it is killed in the moment after some reply.
        usual_s: How long a run usually takes: it is killed within this time.
        expected: The result of a run that was never killed; None where that depends on the moment.
        calls: How many different requests such a run sends; None likewise.
    """

    number: int
    config: Path
    first: int
    aimed: bool
    usual_s: float
    expected: dict[str, Any] | None
    calls: int | None


class Trial:
    """A trial while it goes on.

    Args:
        plan: What it is.
        place: Where its thread is kept.
        provider: Whom its team asks.
        folder: Its own.
        tally: Takes in what it comes to.
    """

    def __init__(
        self, plan: Plan, place: Place, provider: Provider, folder: Path, tally: Tally
    ) -> None:
        self._plan, self._place, self._provider = plan, place, provider
        self._folder, self._tally = folder, tally
        self._random = random.Random(f"{place.name} {plan.number}")
        self._thread = f"trial-{plan.number}"
        self._db = place.words(plan.number)
        self._answered: Counter[str] = Counter()
        self._asked: set[str] = set()
        self._stored: set[str] = set()
        self._problems: list[str] = []

    def play(self) -> None:
        """Kill the run, let it go on, and look at everything."""
        self._folder.mkdir()
        self._tally.trials += 1
        number: int | None = self._plan.first
        for _ in range(MOST_KILLS):
            self._killed(number or signal.SIGKILL)
            number = signal.SIGKILL if self._random.random() < AGAIN else None
            if number is None:
                break
        first = self._go_on(None)
        self._look_at_end(first)
        if self._random.random() < AGAIN:
            self._repeat(first)
        self._count()
        if not self._problems:
            shutil.rmtree(self._folder)

    def _killed(self, number: int) -> None:
        """Begin or go on, end the process at a random moment, and look at what it left."""
        ended = self._go_on(number)
        if ended.status == -number == -signal.SIGKILL:
            self._tally.kills += 1
        elif number in SIGNALS and ended.status != 0:
            self._tally.signals += 1
            self._look_at_signal(ended, number)
        else:
            self._tally.too_late += 1
            self._expect(ended.status == 0, str(ended))
        if self._random.random() < AGAIN and self._known:
            self._look_at_rest(ended)

    def _go_on(self, number: int | None) -> Ended:
        """Begin or go on; end the process by a signal, or let it come to its end."""
        until = time.monotonic() + FREE_S
        while True:
            child = Child(self._words(), self._folder)
            ended = child.wait() if number is None else self._end(child, number)
            self._look_at_calls()
            if ended.status != 2 or "is going on" not in ended.err or time.monotonic() > until:
                return ended
            self._tally.waited += 1
            time.sleep(0.02)

    def _end(self, child: Child, number: int) -> Ended:
        """End a process at a moment of its whole life, or in the moment after some reply."""
        if not self._plan.aimed:
            return child.kill_in(self._random.uniform(0, self._plan.usual_s), number)
        self._provider.wait_for(self._random.randint(1, MOST_REPLIES), child.watch)
        return child.kill_in(self._random.uniform(0, AFTER_S), number)

    def _words(self) -> list[str]:
        if self._known:
            return ["resume", self._thread, "--json", *self._db]
        self._expect(not self._answered, "the thread is unknown, and replies were paid for")
        question = f"Why do rivers rise? ({self._plan.number})"
        config = str(self._plan.config)
        return ["run", "-c", config, "--thread", self._thread, "--json", *self._db, question]

    @property
    def _known(self) -> bool:
        return self._place.knows(self._thread, self._folder)

    # --- what is looked at -------------------------------------------------------------------

    def _look_at_calls(self) -> None:
        """Look what the provider was asked, and what of that is stored."""
        for sent in self._provider.requests():
            self._asked.add(sent.digest)
            if sent.digest in self._stored:
                self._tally.sent_again_though_stored += 1
                self._problems.append(f"the request {sent.digest} was sent again though stored")
            self._answered[sent.digest] += sent.whole
        stored = self._place.stored(self._thread, self._folder)
        self._expect(len(set(stored)) == len(stored), "a reply is stored twice")
        self._expect(self._stored <= set(stored), "a stored reply is gone")
        self._expect(set(stored) <= set(self._answered), "a reply is stored that nobody sent")
        self._stored = set(stored)
        self._look_at_files()

    def _look_at_files(self) -> None:
        for path in (self._folder / "state").rglob("*"):
            mode = stat.S_IMODE(path.lstat().st_mode)
            right = 0o700 if path.is_dir() else 0o600
            self._expect(mode == right, f"{path} has the mode {mode:o}")

    def _look_at_signal(self, ended: Ended, number: int) -> None:
        """Look whether the process has ended as it should, and has said how the run goes on."""
        statuses = (SIGNALS[signal.Signals(number)], -number)  # before it could take the signal
        self._expect(ended.status in statuses, str(ended))
        if ended.json is not None and ended.json["outcome"] == "cancelled":
            resume = f"massgraph resume {self._thread}"
            self._expect(resume in ended.err.splitlines()[-1], str(ended))
        elif ended.status > 0:
            self._expect("nothing was run" in ended.err, str(ended))

    def _look_at_rest(self, ended: Ended) -> None:
        """Look at what a process left that was killed, as a person does."""
        state = self._state()
        states = {"interrupted", "settled", "cancelled"} if ended.status else {"settled"}
        self._expect(state in states, f"after {ended} its state is {state}")
        if any((self._folder / "state").rglob("events.jsonl")):  # it may have told nothing yet
            self._verify()

    def _look_at_end(self, ended: Ended) -> None:
        """Look at the result of the run, and at what is left of it."""
        result = ended.json or {}
        told = {key: value for key, value in result.items() if key not in OF_A_RUN}
        expected = self._plan.expected
        right = told == expected if expected is not None else result.get("outcome") == "settled"
        if ended.status != 0 or not right:
            self._tally.wrong_finals += 1
            self._problems.append(f"a wrong final: {ended}: {told}, expected: {expected}")
        if self._plan.calls is not None:
            self._expect(
                len(self._asked) == len(self._stored) == self._plan.calls,
                f"{len(self._asked)} requests, {len(self._stored)} stored, not {self._plan.calls}",
            )
        self._expect((state := self._state()) == "settled", f"its state is {state}")
        self._verify()
        self._expect((left := self._place.locks(self._folder)) == 0, f"{left} locks are left")

    def _repeat(self, first: Ended) -> None:
        """Go on with the run that is over: killed or not, it asks nobody, and stays as it is."""
        for number in (signal.SIGKILL, None):
            before = sum(self._answered.values())
            ended = self._go_on(number)
            self._expect(sum(self._answered.values()) == before, "a run that was over asks again")
        self._expect(ended.out == first.out, f"the result has changed: {ended}")

    def _state(self) -> str:
        listed = called(["threads", "ls", "--json", "--limit", "1", *self._db], self._folder)
        self._expect(listed.status == 0, str(listed))
        return str((listed.json or {}).get("state"))

    def _verify(self) -> None:
        verified = called(["verify", self._thread, "--json", *self._db], self._folder)
        self._expect(verified.status == 0, f"{verified} {_wrong(verified.json)}")

    def _expect(self, right: bool, otherwise: str) -> None:
        if not right:
            self._problems.append(otherwise)

    def _count(self) -> None:
        tally = self._tally
        tally.stored += len(self._stored)
        answered = sum(self._answered.values())
        twice = sum(count - 1 for count in self._answered.values() if count > 1)
        tally.answered += answered
        if self._plan.aimed:
            tally.aimed += 1
            tally.billed_twice_by_aim += twice
        else:
            tally.answered_at_random += answered
            tally.billed_twice += twice
        where = f"{self._place.name} trial {self._plan.number} ({self._folder})"
        tally.problems += [f"{where}: {problem}" for problem in self._problems]


def _wrong(verified: Any) -> Sequence[Any]:
    return [verified[key] for key in ("violations", "damage", "stored")] if verified else []
