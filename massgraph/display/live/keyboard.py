"""Keys as they are typed, read on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import TextIO

from prompt_toolkit.input import create_input

ALONE_S = 0.1
"""Seconds after which an Escape is a key of its own, and no beginning of another one."""


@contextlib.contextmanager
def reading_keys(stream: TextIO | None, typed: Callable[[str], None]) -> Generator[None]:
    """Hand each key that is typed on, by its name, for as long as the context is open.

    Args:
        stream: A terminal; None for no keys.
        typed: Takes the name of a key; called on the event loop that runs.
    """
    if stream is None:
        yield
        return
    keys = create_input(stdin=stream)
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.TimerHandle] = []

    def tell(flushed: bool = False) -> None:
        while waiting:
            waiting.pop().cancel()
        for press in keys.flush_keys() if flushed else keys.read_keys():
            typed(str(getattr(press.key, "value", press.key)))
        if keys.closed:
            attached.close()
        elif not flushed:
            waiting.append(loop.call_later(ALONE_S, tell, True))

    with contextlib.ExitStack() as attached:
        with contextlib.suppress(OSError):  # a terminal that the event loop cannot watch
            attached.enter_context(keys.attach(tell))
        try:
            yield
        finally:
            while waiting:
                waiting.pop().cancel()
