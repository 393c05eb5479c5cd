"""Bugs of the journal and of resuming: they show only where runs are resumed, or have a journal.

Each of them gets seeds that are all runs which are cut, and go on.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from massgraph.backends.chunks import UsageChunk
from massgraph.backends.reply import ReplyTape
from massgraph.graphs import resuming
from massgraph.graphs.resuming import Saved
from massgraph.nodes import prompts
from massgraph.nodes.journal import Slot
from massgraph.nodes.stream import Call

from .planting import Patches, everywhere


def asked_again() -> Patches:
    """A call goes out again, though its reply is stored."""

    find = Slot.find

    async def in_vain(self: Any) -> None:
        await find(self)

    return [patch.object(Slot, "find", in_vain)]


def nothing_stored() -> Patches:
    """No reply is stored."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    return [patch.object(Slot, "store", nothing)]


def stored_too_late() -> Patches:
    """A reply is stored half a second after others may act on it."""
    store, tasks = Slot.store, set[asyncio.Task[None]]()

    async def late(self: Slot, reply: Any) -> None:
        async def work() -> None:
            await asyncio.sleep(0.5)
            await store(self, reply)

        task = asyncio.create_task(work())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return [patch.object(Slot, "store", late)]


def votes_not_stored() -> Patches:
    """No reply that votes is stored."""
    store = Call._store

    async def others(self: Any, **named: Any) -> None:
        if "vote" not in self.called:
            await store(self, **named)

    return [patch.object(Call, "_store", others)]


def errors_not_stored() -> Patches:
    """How a call broke is not stored."""

    async def sent(self: Any) -> Any:
        return await self._raced()

    return [patch.object(Call, "_sent", sent)]


def stored_without_usage() -> Patches:
    """What a call has used is not stored with its reply."""
    reply = ReplyTape.reply

    def less(self: Any, **named: Any) -> Any:
        whole = reply(self, **named)
        said = tuple(one for one in whole.said if not isinstance(one.chunk, UsageChunk))
        return dataclasses.replace(whole, said=said)

    return [patch.object(ReplyTape, "reply", less)]


def counts_twice() -> Patches:
    """What a replayed reply has used counts twice."""
    replayed = Call._replayed

    def doubled(self: Any, stored: Any) -> Any:
        found = replayed(self, stored)
        for key in ("input_tokens", "output_tokens"):
            found.usage[key] *= 2  # type: ignore[literal-required]
        return found

    return [patch.object(Call, "_replayed", doubled)]


def other_words() -> Patches:
    """A request that is sent again after a crash says something else."""
    numbers, messages = itertools.count(), prompts.turn_messages

    def other(state: Any, *rest: Any) -> Any:
        return messages({**state, "nonce": f"n{next(numbers)}"}, *rest)

    return everywhere(messages, other)


def replies_not_counted() -> Patches:
    """A resumed run's budget does not know of replies that nobody has acted on."""

    def nothing(_: Any) -> Iterator[Any]:
        return iter(())

    return [patch.object(resuming, "_cut", nothing)]


def spent_forgotten() -> Patches:
    """A resumed run's budget does not know what turns that go on have used."""

    def nothing(_: Any) -> Iterator[Any]:
        return iter(())

    return [patch.object(resuming, "_spent", nothing)]


def clock_begins_anew() -> Patches:
    """The clock of a resumed run begins anew."""
    bring_back = Saved.bring_back

    def anew(self: Any, live: Any, **named: Any) -> None:
        live.begin(0.0)
        bring_back(self, live, **named)

    return [patch.object(Saved, "bring_back", anew)]


def clock_of_rounds_alone() -> Patches:
    """A run that was cancelled goes on at the time of its last round."""
    bring_back = Saved.bring_back

    def earlier(self: Any, live: Any, **named: Any) -> None:
        bring_back(self, live, **{**named, "elapsed": 0.0})

    return [patch.object(Saved, "bring_back", earlier)]


def outcomes_forgotten() -> Patches:
    """A resumed run does not know who has ended a turn in the round that was cut."""

    def nothing(_: Any) -> Iterator[Any]:
        return iter(())

    return [patch.object(resuming, "_outcomes", nothing)]


BUGS_OF_RESUMING: dict[str, Callable[[], Patches]] = {
    bug.__name__: bug
    for bug in (
        asked_again,
        nothing_stored,
        stored_too_late,
        votes_not_stored,
        errors_not_stored,
        stored_without_usage,
        counts_twice,
        other_words,
        replies_not_counted,
        spent_forgotten,
        clock_begins_anew,
        clock_of_rounds_alone,
        outcomes_forgotten,
    )
}
"""Bugs by name."""
