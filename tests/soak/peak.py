"""How much memory of this process grows while a block runs."""

from __future__ import annotations

import gc
import threading
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.01
"""Seconds between two looks at the memory."""

MIB = 1024 * 1024


class Peak:
    """Watches the resident memory of this process, from a thread, while a block runs."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak", daemon=True)
        self.before = self.most = 0

    @property
    def growth_mib(self) -> float:
        """The most that was there at once, less what was there before, in MiB."""
        return round((self.most - self.before) / MIB, 1)

    def look(self) -> None:
        """Look now."""
        self.most = max(self.most, self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()

    def __enter__(self) -> Self:
        gc.collect()
        self.before = self.most = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.look()
