from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph.graphs.mailbox import Mailbox
from massgraph.nodes.events import (
    AgentReasoning,
    AgentStamp,
    AgentStatus,
    AgentText,
    AnswerText,
    Delta,
    Event,
    RoundOpened,
    TurnEnded,
    TurnStarted,
)
from massgraph.nodes.state import no_usage

AGENTS = ("alice", "bob")
READ = "read one"

Script = Sequence[Event | str]
Said = dict[tuple[object, ...], str]

agents = st.sampled_from(AGENTS)


def ended(agent: str) -> TurnEnded:
    """Return the end of an agent's turn."""
    return TurnEnded(agent=agent, outcome="vote", why="", kind=None, seconds=1.0, usage=no_usage())


deltas = st.builds(
    lambda kind, agent, attempt, text: kind(agent=agent, attempt=attempt, delta=text),
    st.sampled_from([AgentText, AgentReasoning, AnswerText]),
    agents,
    st.integers(1, 2),
    st.text(max_size=3),
)
statuses = st.builds(AgentStatus, agent=agents, status=st.sampled_from("xyz"))
others = (
    st.builds(TurnStarted, agent=agents, answers=st.just([]))
    | st.builds(ended, agents)
    | st.builds(RoundOpened, asked=st.just([]))
)
steps = st.lists(deltas | deltas | statuses | others | st.just(READ), max_size=40)


def timed(steps: Script) -> Script:
    """Return the script with the time of each event: its place."""
    return [
        step if isinstance(step, str) else dataclasses.replace(step, t=float(t))
        for t, step in enumerate(steps)
    ]


scripts = steps.map(timed)


async def played(script: Script) -> list[Event]:
    """Put events in and read some, as the script says; in the end read the rest."""
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


def told(events: Sequence[Event], agent: str) -> list[Said | object]:
    """Return what an agent and the machine did, in order.

    What the agent said between two other events is one mapping: for each kind its text, or the
    last status.
    """
    story: list[Said | object] = [{}]
    for event in events:
        said = story[-1]
        if isinstance(event, AgentStamp) and event.agent != agent:
            continue
        if not isinstance(event, Delta | AgentStatus):
            story += [dataclasses.replace(event, seq=0), {}]
        elif isinstance(said, dict):
            key = (type(event), event.attempt, event.round)
            is_text = isinstance(event, Delta)
            said[key] = said.get(key, "") + event.delta if is_text else event.status
    return story


@given(scripts)
def test_nothing_is_lost_nor_moved(script: Script) -> None:
    """However slow the reader is: all text is there, no event moves, no text passes one."""
    put = [step for step in script if not isinstance(step, str)]
    got = asyncio.run(played(script))
    for agent in AGENTS:
        assert told(got, agent) == told(put, agent)


@given(scripts)
def test_only_text_and_statuses_are_merged(script: Script) -> None:
    """Every other event arrives as itself, in the order of the run."""
    put = [step for step in script if not isinstance(step, str | Delta | AgentStatus)]
    got = asyncio.run(played(script))
    others = [event for event in got if not isinstance(event, Delta | AgentStatus)]
    assert [dataclasses.replace(event, seq=0) for event in others] == put


@given(scripts)
def test_numbers_have_no_gap(script: Script) -> None:
    """What the reader gets is numbered from 1 without a gap, and time never goes back."""
    got = asyncio.run(played(script))
    assert [event.seq for event in got] == list(range(1, len(got) + 1))
    assert [event.t for event in got] == sorted(event.t for event in got)


@given(scripts)
def test_what_waits_is_bounded(script: Script) -> None:
    """While nobody reads, a kind has one place between two events that are none of text."""
    put = [step for step in script if not isinstance(step, str)]
    said = [event for event in put if isinstance(event, Delta | AgentStatus)]
    kinds = {(type(event), event.agent, event.attempt) for event in said}
    others = len(put) - len(said)
    assert len(asyncio.run(played(put))) <= others + len(kinds) * (others + 1)


async def test_a_babbling_agent_takes_one_place() -> None:
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
