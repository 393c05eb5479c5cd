"""Results that go to a stream: stdout, a pipe, a device. Nothing can be read of it again."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from ..backends.errors import MassgraphError, UserError


class ResultStream:
    """What takes results, and keeps none.

    Args:
        write: Writes and flushes; raises a MassgraphError where that can't be done.
        close: Called at the end.
    """

    def __init__(
        self, write: Callable[[bytes], None], close: Callable[[], None] = lambda: None
    ) -> None:
        self._write, self.close = write, close

    @classmethod
    def of_device(cls, device: Path | int) -> Self:
        """Return the stream of a device or a pipe, opened once.

        Args:
            device: Its path, or an open descriptor, which stays open.

        Raises:
            UserError: When it can't be opened.
        """
        try:
            opened = os.dup(device) if isinstance(device, int) else device
            file = open(opened, "wb", buffering=0)  # noqa: PTH123, SIM115 - it may be a descriptor
        except OSError as exc:
            raise UserError(f"-o {device}: it cannot be written ({exc.strerror}).") from exc
        return cls(partial(_write, file, str(device)), file.close)

    def append(self, data: bytes) -> None:
        """Write whole lines.

        Raises:
            MassgraphError: When they can't be written.
        """
        self._write(data)


def _write(file: BinaryIO, name: str, data: bytes) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as exc:
        raise MassgraphError(f"{name} can't be written: {exc.strerror or exc}.") from exc
