from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph.graphs.mailbox import Mailbox
from massgraph.nodes.events import (
    AgentReasoning,
    AgentStamp,
    AgentText,
    AnswerText,
    Delta,
    Event,
    RoundOpened,
    TurnStarted,
)

agents = st.sampled_from(["alice", "bob"])
deltas = st.builds(
    lambda kind, agent, attempt, text: kind(agent=agent, attempt=attempt, delta=text),
    st.sampled_from([AgentText, AgentReasoning, AnswerText]),
    agents,
    st.integers(1, 2),
    st.text(max_size=3),
)
others = st.builds(lambda agent: TurnStarted(agent=agent, answers=[]), agents) | st.builds(
    lambda: RoundOpened(asked=[])
)
READ = "read one"
steps = st.lists(deltas | others | st.just(READ), max_size=40)

Key = tuple[object, ...]


async def played(script: Sequence[Event | str]) -> list[Event]:
    """Put events in and read some out, as the script says; in the end read the rest."""
    mailbox = Mailbox()
    reader = mailbox.events()
    got: list[Event] = []
    for step in script:
        if not isinstance(step, str):
            mailbox.put(step)
        elif len(mailbox):
            got.append(await anext(reader))
    mailbox.close()
    got += [event async for event in reader]
    assert len(mailbox) == 0
    return got


def told(events: Sequence[Event]) -> dict[str, list[tuple[Key, str]]]:
    """Return what each agent did, in order, neighbouring pieces of one text as one."""
    by_agent: dict[str, list[tuple[Key, str]]] = {}
    for event in events:
        if isinstance(event, AgentStamp):
            text = event.delta if isinstance(event, Delta) else ""
            key = (type(event), event.attempt, event.round)
            by_agent.setdefault(event.agent, []).append((key, text))
    return {
        agent: [(key, "".join(text for _, text in group)) for key, group in groupby(done, _key)]
        for agent, done in by_agent.items()
    }


def _key(piece: tuple[Key, str]) -> Key:
    return piece[0]


@given(steps)
def test_nothing_is_lost(script: list[Event | str]) -> None:
    """However slow the reader is, each agent's text and events arrive in order and whole."""
    put = [step for step in script if not isinstance(step, str)]
    got = asyncio.run(played(script))
    assert told(got) == told(put)
    assert len(got) <= len(put)


@given(steps)
def test_only_text_is_merged(script: list[Event | str]) -> None:
    """Every event that is no piece of text arrives as itself, in the order of the run."""
    put = [step for step in script if not isinstance(step, str | Delta)]
    got = [event for event in asyncio.run(played(script)) if not isinstance(event, Delta)]
    assert [(type(e), getattr(e, "agent", "")) for e in got] == [
        (type(e), getattr(e, "agent", "")) for e in put
    ]


@given(steps)
def test_numbers_have_no_gap(script: list[Event | str]) -> None:
    """What the reader gets is numbered from 1 without a gap."""
    got = asyncio.run(played(script))
    assert [event.seq for event in got] == list(range(1, len(got) + 1))


async def test_what_waits_is_bounded() -> None:
    """While nobody reads, a babbling agent takes one place, not one for each piece."""
    mailbox = Mailbox()
    for number in range(10_000):
        mailbox.put(AgentText(agent=("alice", "bob")[number % 2], delta="x"))
    assert len(mailbox) == 2
    mailbox.close()
    got = [event async for event in mailbox.events()]
    assert [len(event.delta) for event in got if isinstance(event, Delta)] == [5000, 5000]


async def test_a_reader_waits_for_news() -> None:
    """A reader that comes first gets what is put later, and ends when the box is closed."""
    mailbox = Mailbox()
    got: list[Event] = []

    async def read() -> None:
        async for event in mailbox.events():
            got.append(event)  # noqa: PERF401 - looked at while it grows

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    mailbox.put(AgentText(agent="alice", delta="a"))
    await asyncio.sleep(0)
    mailbox.put(AgentText(agent="alice", delta="b"))
    await asyncio.sleep(0)
    assert [event.delta for event in got if isinstance(event, Delta)] == ["a", "b"]
    assert not reader.done()
    mailbox.close()
    await asyncio.wait_for(reader, 1)


@pytest.mark.parametrize("change", [{"attempt": 2}, {"round": 2}])
async def test_tries_and_rounds_are_kept_apart(change: dict[str, int]) -> None:
    """Text of another try or round is another text."""
    mailbox = Mailbox()
    mailbox.put(AgentText(agent="alice", delta="a", round=1))
    mailbox.put(AgentText(**{"agent": "alice", "delta": "b", "round": 1, **change}))  # type: ignore[arg-type]
    assert len(mailbox) == 2
