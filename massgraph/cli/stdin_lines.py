"""Lines of stdin, one after the other, as they are wanted."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TextIO

_PIECE = 65536


async def stdin_lines(stream: TextIO | None, refuse: Callable[[str], None]) -> AsyncIterator[str]:
    """Give out the lines of stdin; none is read before it is wanted.

    Args:
        stream: Stdin; None when there is none.
        refuse: Told of a line that is no text.
    """
    number = 0
    async for line in _pieces(stream):
        number += 1
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            refuse(f"line {number} of stdin is not UTF-8 text: it is not asked")
        else:
            yield text


async def _pieces(stream: TextIO | None) -> AsyncIterator[bytes]:
    """Give out the lines as bytes, without their ends."""
    if stream is None or stream.closed:
        return
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file, but something that stands for one
        for held in stream:
            yield held.rstrip("\r\n").encode()
        return
    begun: list[bytes] = []
    async for data in _read(descriptor):
        piece, *others = data.split(b"\n")
        begun.append(piece)
        for other in others:
            yield b"".join(begun).rstrip(b"\r")
            begun = [other]
    if last := b"".join(begun):
        yield last


async def _read(descriptor: int) -> AsyncIterator[bytes]:
    """Give out what can be read; whoever stops waiting leaves no thread behind that waits."""
    loop = asyncio.get_running_loop()
    heard, stop = os.pipe()
    try:
        while True:
            waiting = partial(select.select, [descriptor, heard], [], [])
            ready, _, _ = await loop.run_in_executor(None, waiting)
            if heard in ready:
                return
            try:
                data = os.read(descriptor, _PIECE)
            except OSError:  # the terminal is gone, or it is not for reading
                return
            if not data:
                return
            yield data
    finally:
        os.write(stop, b".")
        # The thread that waits holds `heard` until it has seen this; both ends go with the process.
