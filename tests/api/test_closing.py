"""What a run leaves behind on this machine: nothing. And how fast a call is left."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from massgraph import Agent, Policy, Team, forbid_real_requests
from massgraph.backends.chat_completions import ChatCompletionsBackend

from ..backends.loopback import LoopbackServer, Reply, Request, answer, delta, silence

AT_ONCE_S = 0.05
"""How soon a provider must see that a call of a stopped turn was left."""
ANSWERS_AFTER_S = 0.3
"""When the new answer comes that stops it."""


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK before anything is measured."""
    import openai  # noqa: F401


def new_answer(text: str) -> Reply:
    """Return a reply that gives this new answer."""
    return answer(calls=[("new_answer", {"content": text})])


def vote(label: str = "agent1") -> Reply:
    """Return a reply that votes."""
    return answer(calls=[("vote", {"agent_id": label, "reason": "Best."})])


def offered(request: Request) -> set[str]:
    """Return the names of the tools that a request offers."""
    return {tool["function"]["name"] for tool in request.body.get("tools", [])}


def cooperative(request: Request) -> Reply:
    """Answer, vote, and present, as the tools ask for."""
    tools = offered(request)
    if "vote" in tools:
        return vote()
    return new_answer(f"{request.body['model']}'s answer.") if tools else answer("Final.")


def team_on(server: LoopbackServer, *models: str, **policy: Any) -> Team:
    """Return a team with one agent for each model of a server."""
    agents = [
        Agent(model, ChatCompletionsBackend(model, base_url=server.base_url)) for model in models
    ]
    return Team(agents, Policy(**policy))


def connections() -> int:
    """Return how many connections this process has as a client of a loopback server."""
    servers = {c.laddr for c in psutil.Process().net_connections("tcp") if c.status == "LISTEN"}
    return len([c for c in psutil.Process().net_connections("tcp") if c.raddr in servers])


def descriptors() -> int:
    """Return how many file descriptors are open."""
    gc.collect()
    return psutil.Process().num_fds()


# --- closing -----------------------------------------------------------------------------------


async def test_nothing_is_left_after_closing() -> None:
    """No task, no connection, no file descriptor, no thread."""
    async with LoopbackServer(cooperative) as server:
        before = asyncio.all_tasks(), descriptors(), set(threading.enumerate())
        async with team_on(server, "alice", "bob", "carol") as team:
            result = await team.arun("Q?")
            assert connections() > 0
        assert result.answer == "Final."
        await server.idle()
        assert connections() == 0
        assert asyncio.all_tasks() == before[0]
        assert descriptors() <= before[1]
        assert set(threading.enumerate()) == before[2]


@pytest.mark.parametrize("way", ["run", "stream", "stream, left early"])
def test_nothing_is_left_after_running(way: str) -> None:
    """`run` and `stream` close all by themselves, threads included."""
    with LoopbackServer(cooperative) as server:
        team = team_on(server, "alice", "bob")
        team.run("Q?")
        before = descriptors(), set(threading.enumerate())
        if way == "run":
            team.run("Q?")
        elif way == "stream":
            list(team.stream("Q?"))
        else:
            events = team.stream("Q?")
            next(e for e in events if e.type == "answers_accepted")
            events.close()  # type: ignore[attr-defined]
        asyncio.run(server.idle())
        assert connections() == 0
        assert set(threading.enumerate()) == before[1]
        assert descriptors() <= before[0]


async def test_nothing_is_left_after_a_cancelled_run() -> None:
    """Also of calls that were waiting for a silent server."""
    async with LoopbackServer([silence()]) as server:
        before = asyncio.all_tasks(), descriptors()
        async with team_on(server, "alice", "bob") as team:
            run = team.start("Q?")
            await server.received(2)
            run.cancel()
            assert (await run.result()).outcome == "cancelled"
        await server.idle()
        assert connections() == 0
        assert asyncio.all_tasks() == before[0]
        assert descriptors() <= before[1]


def test_a_team_may_be_run_on_one_loop_after_another() -> None:
    """Clients belong to their loop: nothing of a closed one is used again."""
    with LoopbackServer(cooperative) as server:
        team = team_on(server, "alice", "bob")

        async def within_a_block() -> str | None:
            async with team:
                return (await team.arun("Q?")).answer

        answers = [team.run("Q?").answer, asyncio.run(within_a_block()), team.run("Q?").answer]
        assert answers == ["Final."] * 3


async def test_a_connection_is_used_again() -> None:
    """A team does not open one for each call."""
    async with LoopbackServer(cooperative) as server, team_on(server, "alice", "bob") as team:
        for _ in range(3):
            await team.arun("Q?")
        assert len(server.requests) == 3 * 5
        assert server.connections_made <= 4


# --- leaving calls -----------------------------------------------------------------------------


def slow_peer(bob: Reply) -> Callable[[Request], Reply]:
    """Return a script in which alice has a better answer while bob is busy with `bob`."""
    seen = {"alice": 0, "bob": 0}

    def reply(request: Request) -> Reply:
        model = request.body["model"]
        seen[model] += 1
        if seen[model] == 1 or not offered(request):
            return cooperative(request)
        if seen[model] == 2 and model == "alice":
            return new_answer("A better answer.").delayed(ANSWERS_AFTER_S)
        if seen[model] == 2:
            return bob
        return vote()

    return reply


BUSY = {
    "silent before the status": silence(),
    "silent after a word": Reply(frames=(delta(role="assistant", content="Well"),), end="stall"),
    "talking without end": Reply(
        frames=tuple(x for _ in range(2000) for x in (delta(content="and "), 0.01))
    ),
}


async def hung_up_after(bob: Reply) -> float:
    """Return the seconds from alice's new answer to bob's disconnection, as the server saw both."""
    async with LoopbackServer(slow_peer(bob)) as server:
        async with team_on(server, "alice", "bob", final="reuse") as team:
            result = await team.arun("Q?")
        left = [r.disconnected_at for r in server.requests if r.disconnected_at is not None]
        assert result.answers["alice"] == "A better answer."
        assert result.usage["bob"].stopped == 1
        assert len(left) == 1
        better = [r for r in server.requests if r.body["model"] == "alice"][1]
        return left[0] - (better.came_at + ANSWERS_AFTER_S)


@pytest.mark.parametrize("bob", BUSY.values(), ids=BUSY)
async def test_a_stopped_call_is_left_at_once(bob: Reply) -> None:
    """A turn that a peer's new answer stops closes its connection within 50 ms, also while its
    provider is silent; the best of three, because other programs run beside this one."""
    took = []
    for _ in range(3):
        took.append(await hung_up_after(bob))
        if took[-1] <= AT_ONCE_S:
            break
    assert min(took) <= AT_ONCE_S


async def cancelled_by_handle(team: Team, server: LoopbackServer) -> float:
    """Cancel a run by its handle, and return when."""
    async with team.start("Q?") as run:
        await server.received(2)
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        run.cancel()
        await run.result()
    return began


async def cancelled_by_caller(team: Team, server: LoopbackServer) -> float:
    """Cancel the task that waits for a run, and return when."""
    task = asyncio.create_task(team.arun("Q?"))
    await server.received(2)
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    task.cancel()
    await asyncio.wait({task})
    return began


@pytest.mark.parametrize("cancel", [cancelled_by_handle, cancelled_by_caller])
async def test_a_cancelled_run_leaves_its_calls_at_once(
    cancel: Callable[[Team, LoopbackServer], Awaitable[float]],
) -> None:
    """Whoever cancels it: both servers see it within 50 ms; the best of three."""
    took = []
    for _ in range(3):
        async with LoopbackServer([silence()]) as server:
            async with team_on(server, "alice", "bob") as team:
                began = await cancel(team, server)
                left = [await server.disconnected(1) for _ in range(2)]
            took.append(max(left) - began)
    assert min(took) <= AT_ONCE_S


# --- real requests -----------------------------------------------------------------------------


async def test_real_requests_can_be_forbidden() -> None:
    """For a whole program, or a test suite: a host that is not this machine is never asked."""
    agent = Agent("alice", ChatCompletionsBackend("m", base_url="http://192.0.2.1/v1"))
    with forbid_real_requests():
        async with Team([agent]) as team:
            result = await team.arun("Q?")
    assert result.outcome == "no_answer"
    assert "forbidden" in result.failures["alice"].message
    assert result.usage["alice"].retries == 0


async def test_this_machine_may_always_be_asked() -> None:
    """A server of one's own is no real request."""
    with forbid_real_requests():
        async with LoopbackServer(cooperative) as server, team_on(server, "alice") as team:
            assert (await team.arun("Q?")).answer == "alice's answer."
