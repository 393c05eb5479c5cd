"""What the live view costs: `python -m benchmarks.live_view`.

Agents write 5,000 pieces a second, and the live view shows them on a terminal of 160 x 45. The same
is done once more with nobody looking; the difference is the display's. A heartbeat on the event
loop tells how long the run was kept waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from massgraph.cli.output import Stdout
from massgraph.cli.screen import Asking, watch
from massgraph.display.writers import Display, make_display
from massgraph.graphs.mailbox import Mailbox
from massgraph.nodes import events as ev

PIECES_A_SECOND = 5_000
BEAT_S = 0.005
WORDS = ("the rivers ", "rise ", "because snow melts in the mountains, ", "and rain falls.\n")


class Writing:
    """A run in which agents write without end, through the mailbox that a run has.

    Args:
        agents: How many.
        seconds: For how long.
    """

    def __init__(self, agents: int, seconds: float) -> None:
        self._names = [f"agent{number}" for number in range(agents)]
        self._seconds = seconds
        self._mailbox = Mailbox()
        self.pieces = 0
        self.late_s: list[float] = []

    def cancel(self) -> None:
        """Do nothing: nobody cancels it."""

    async def __aiter__(self) -> AsyncIterator[ev.Event]:
        """Give out what the mailbox has."""
        agents = [{"id": name, "provider": "bench", "model": "mark"} for name in self._names]
        self._mailbox.put(ev.RunStarted(question="?", agents=agents, policy={}, graph="team"))
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._beat())]
        async for event in self._mailbox.events():
            yield event
        await asyncio.gather(*tasks)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (past := loop.time() - began) < self._seconds:
            for _ in range(int(past * PIECES_A_SECOND) - self.pieces):
                name = self._names[self.pieces % len(self._names)]
                delta = WORDS[self.pieces // len(self._names) % len(WORDS)]
                self._mailbox.put(ev.AnswerText(agent=name, delta=delta, t=past))
                self.pieces += 1
            await asyncio.sleep(0.001)
        self._mailbox.close()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds - 0.1
        while loop.time() < until:
            due = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self.late_s.append(loop.time() - due)


@dataclass(frozen=True)
class Cost:
    """What showing a run has cost: seconds of processor time, and how late the loop was."""

    cpu_s: float
    late_s: list[float]
    pieces: int


@contextlib.contextmanager
def terminal(columns: int = 160, rows: int = 45) -> Iterator[int]:
    """Yield a terminal whose other end reads all that is written."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def drain() -> None:
        with contextlib.suppress(OSError):
            while os.read(ours, 65_536):
                pass

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    yield theirs
    os.close(theirs)
    reader.join(2)
    os.close(ours)


def cost(display: Display | None, agents: int, seconds: float) -> Cost:
    """Return what it costs to show a run; None shows it to nobody."""
    run = Writing(agents, seconds)

    async def main() -> None:
        await watch(run, Asking(stdout=Stdout(), form="json"), display)

    began = time.process_time()
    asyncio.run(main())
    return Cost(time.process_time() - began, sorted(run.late_s), run.pieces)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    with terminal() as descriptor, open(descriptor, "w", encoding="utf-8", closefd=False) as stream:
        os.environ["TERM"] = "xterm-256color"
        shown = cost(make_display(stream), given.agents, given.seconds)
    unseen = cost(None, given.agents, given.seconds)
    share = (shown.cpu_s - unseen.cpu_s) / given.seconds
    print(f"pieces a second: {shown.pieces / given.seconds:,.0f}, agents: {given.agents}")
    print(f"processor, with the live view: {shown.cpu_s / given.seconds:.1%} of a core")
    print(f"processor, with nobody looking: {unseen.cpu_s / given.seconds:.1%}")
    print(f"the live view alone: {share:.1%}")
    for name, one in (("with it", shown), ("without", unseen)):
        late = one.late_s
        print(f"event loop late, {name}: p50 {late[len(late) // 2] * 1e3:.1f} ms, "
              f"p99 {late[int(len(late) * 0.99)] * 1e3:.1f} ms")  # fmt: skip
    sys.exit(0 if share < 0.5 else 1)


if __name__ == "__main__":
    main()
