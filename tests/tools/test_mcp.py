"""MCP servers that are started: real ones, in whole runs."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

import massgraph.tools.mcp
from massgraph import Agent, Policy, ScriptedBackend, Team, UserError
from massgraph.nodes.events import ToolFinished
from massgraph.tools import McpServer
from tests.tools.processes import children

from .conftest import ServerOf, noted

TIME = str(Path(sys.executable).with_name("mcp-server-time"))
SECRET = "canary-51d0"


def use(*calls: tuple[str, dict[str, Any]]) -> ScriptedBackend:
    """Return a model that makes these calls, one after the other, and answers."""
    turns = [{"tool_calls": [{"name": name, "args": args}]} for name, args in calls]
    return ScriptedBackend([*turns, {"new_answer": "Done."}])


async def told(team: Team) -> list[str]:
    """Run a team, and return what its tools said, errors included."""
    events = [event async for event in team.astream("Q?")]
    finished = [event for event in events if isinstance(event, ToolFinished)]
    return [event.result if event.error is None else f"! {event.error}" for event in finished]


async def said(server: McpServer, *calls: tuple[str, dict[str, Any]], **more: Any) -> list[str]:
    """Return what a server's tools say to one agent; the server stays open."""
    return await told(Team([Agent("alice", use(*calls), tools=[server], **more)]))


def started(log: Path) -> int:
    """Return how many servers have started."""
    return log.read_text().count("started")


# --- a whole run -------------------------------------------------------------------------------


def test_a_real_server_in_a_whole_run() -> None:
    """Two agents share one program, which is started once and gone when the run is over."""
    server = McpServer(
        "time", command=TIME, args=["--local-timezone", "UTC"], tools=["convert_time"]
    )
    noon = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    call = {"tool_calls": [{"name": "convert_time", "args": noon}]}
    alice = ScriptedBackend([call, {"new_answer": "21:00"}, {"vote": "first"}])
    bob = ScriptedBackend([call, {"new_answer": "Nine."}, {"vote": "first"}])
    team = Team([Agent("alice", alice, tools=[server]), Agent("bob", bob, tools=[server])])
    seen = []
    for event in team.stream("When it is noon in London, what time is it in Tokyo?"):
        if isinstance(event, ToolFinished):
            seen.append((event.agent, "T21:00:00+09:00" in (event.result or "")))
            assert len(children()) == 1
    assert sorted(seen) == [("alice", True), ("bob", True)]
    assert children() == []


def test_each_run_opens_and_closes(command: list[str]) -> None:
    """`run` again and again, each on a loop of its own: nothing is left in between."""
    for _ in range(2):
        server = McpServer("tests", command=command[0], args=command[1:])
        model = use(("add", {"a": 1, "b": 2}))
        assert Team([Agent("alice", model, tools=[server])]).run("Q?").answer == "Done."
        assert children() == []


def test_a_loop_that_ends_without_closing(command: list[str]) -> None:
    """Whoever forgets `aclose` leaves no process either: the loop's end stops it."""
    server = McpServer("tests", command=command[0], args=command[1:])
    model = use(("add", {"a": 1, "b": 2}))
    asyncio.run(Team([Agent("alice", model, tools=[server])]).arun("Q?"))
    assert children() == []


async def test_a_plain_graph_opens_at_its_first_thought(server_of: ServerOf) -> None:
    """Without `Team` around it, the same tools are there; the program ends with `aclose`."""
    team = Team([Agent("alice", use(("add", {"a": 1, "b": 2})), tools=[server_of("add")])])
    state = await team.compile().ainvoke({"messages": [HumanMessage("Q?")]})
    assert state["winner"] == "alice"
    assert len(children()) == 1
    await team.aclose()
    assert children() == []


async def test_a_plain_graph_whose_server_does_not_start() -> None:
    """The agent's turn fails, and says why; the others answer."""
    broken = McpServer("no", command="no-such-program")
    team = Team(
        [
            Agent("alice", ScriptedBackend([{"new_answer": "A."}]), tools=[broken]),
            Agent("bob", ScriptedBackend([{"new_answer": "B."}, {"vote": "first"}])),
        ]
    )
    state = await team.compile().ainvoke({"messages": [HumanMessage("Q?")]})
    failure = state["failures"]["alice"]
    assert failure["kind"] == "tool"
    assert "there is no program 'no-such-program'" in failure["message"]
    assert state["winner"] == "bob"


async def test_a_server_stays_open_between_runs(server_of: ServerOf) -> None:
    """Until the team is closed; then it may be opened again."""
    server = server_of("process")
    first = await said(server, ("process", {}))
    assert await said(server, ("process", {})) == first
    await server.aclose()
    assert await said(server, ("process", {})) != first


# --- what an agent is offered ------------------------------------------------------------------


async def test_only_tools_that_are_allowed(server_of: ServerOf) -> None:
    """In the order in which they are named; one of them, for an agent that names it alone."""
    server = server_of("fail", "add")
    assert [tool.name for tool in await server.tools()] == ["fail", "add"]
    assert [tool.name for tool in await server.only("add").tools()] == ["add"]


async def test_a_tool_that_is_not_there(server_of: ServerOf) -> None:
    """It is known before the first call, and a near name is told."""
    server, model = server_of(), use()
    with pytest.raises(UserError, match=r"'tests' has no tool 'ad'; did you mean 'add'"):
        await Team([Agent("alice", model, tools=[server.only("ad")])]).arun("Q?")
    assert model.calls == 0
    with pytest.raises(UserError, match=r"'tests' has no tool 'ad'; did you mean 'add'"):
        await server_of("ad").tools()


async def test_two_tools_of_one_name(server_of: ServerOf) -> None:
    """Nobody could tell them apart: it is refused before the first call."""

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    team = Team([Agent("alice", use(), tools=[add, server_of()])])
    with pytest.raises(UserError, match=r"Agent 'alice': the tool 'add' of the MCP server 'tests'"):
        await team.arun("Q?")


# --- servers that fail -------------------------------------------------------------------------

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no such program": ({"command": "no-such"}, "cannot be started: there is no program 'no-such'"),
    "one that ends": (
        {"command": sys.executable, "args": ["-c", "raise SystemExit('No licence.')"]},
        "ended instead of starting; it says: No licence.",
    ),
    "one that is silent": (
        {"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]},
        "does not answer within 1 s",
    ),
    "nobody at the address": (
        {"url": "http://127.0.0.1:9/mcp?key=canary-51d0"},
        "cannot be reached at http://127.0.0.1:9/mcp: ",
    ),
    "a variable that is not set": (
        {"command": sys.executable, "env": {"A": "${NOT_SET_AT_ALL}"}},
        "needs the environment variable NOT_SET_AT_ALL, which is not set",
    ),
}


@pytest.mark.parametrize(("options", "why"), BROKEN.values(), ids=BROKEN)
async def test_a_server_that_does_not_start(
    options: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known before the first call: who needs it, and why it does not work."""
    if "within 1 s" in why:
        monkeypatch.setattr(massgraph.tools.mcp, "OPENING_S", 1.0)
    model = use()
    async with Team([Agent("alice", model, tools=[McpServer("x", **options)])]) as team:
        with pytest.raises(UserError) as caught:
            await team.arun("Q?")
    assert str(caught.value).startswith("Agent 'alice': The MCP server 'x' ")
    assert why in str(caught.value)
    assert SECRET not in str(caught.value)
    assert model.calls == 0
    assert children() == []


async def test_a_server_that_dies_in_the_middle(server_of: ServerOf, log: Path) -> None:
    """The model is told; its next call has a new server."""
    first, second = await said(server_of(), ("die", {}), ("add", {"a": 1, "b": 2}))
    assert first.startswith("! The connection to the MCP server 'tests' ended in the middle")
    assert second == "3"
    assert started(log) == 2


async def test_a_server_that_died_between_two_calls(server_of: ServerOf, log: Path) -> None:
    """A call that was never sent is made over a new connection: nobody notices."""
    server = server_of()
    await server.tools()
    for child in children():
        child.kill()
    await asyncio.sleep(0.2)
    message = await server.call("add", {"a": 1, "b": 2})
    assert (message.text, message.status) == ("3", "success")
    assert started(log) == 2


async def test_a_server_that_died_between_two_runs(server_of: ServerOf) -> None:
    """The next run finds out before its first call."""
    server = server_of()
    assert await said(server, ("add", {"a": 1, "b": 2})) == ["3"]
    children()[0].kill()
    assert await said(server, ("add", {"a": 1, "b": 2})) == ["3"]


# --- limits and cancellation -------------------------------------------------------------------


async def test_a_slow_tool(server_of: ServerOf, log: Path) -> None:
    """The server's own limit counts; the server is told that nobody waits any more."""
    server = server_of(timeout_s=1)
    called = ("slow", {"seconds": 60})
    assert await said(server, called, tool_timeout_s=50) == ["! The tool took longer than 1 s."]
    await noted(log, "slow was cancelled")


async def test_a_turn_that_is_cancelled(server_of: ServerOf, log: Path) -> None:
    """The call is cancelled at the server, too, and the next one works."""
    server = server_of()
    agent = Agent("alice", use(("slow", {"seconds": 60})), tools=[server])
    team = Team([agent], Policy())
    run = team.start("Q?")
    await noted(log, "slow begins")
    run.cancel()
    assert (await run.result()).outcome == "cancelled"
    await noted(log, "slow was cancelled")
    assert (await server.call("add", {"a": 1, "b": 2})).text == "3"


async def test_calls_at_the_same_time(server_of: ServerOf) -> None:
    """They share a connection, and none waits for another."""
    server = server_of()
    await server.tools()
    began = time.monotonic()
    await asyncio.gather(*(server.call("slow", {"seconds": 1}) for _ in range(6)))
    assert time.monotonic() - began < 4


async def test_what_comes_back(server_of: ServerOf) -> None:
    """Text, cut in its middle; what is no text, by its name and size; errors, as errors."""
    sizes = (1_000, 1_001, 100_000)
    called = [*(("big", {"size": size}) for size in sizes), ("picture", {}), ("fail", {})]
    *texts, picture, failed = await said(server_of(max_chars=1000), *called)
    assert [(text[0], text[-1]) for text in texts] == [("<", ">")] * 3
    assert ["are left out here" in text for text in texts] == [False, True, True]
    assert max(len(text) for text in texts) < 1_100
    assert picture == "[image, 12 kB]\nA picture.\n[audio, 3 kB]"
    assert failed.startswith("! ")
    assert "no such thing" in failed


# --- secrets -----------------------------------------------------------------------------------


async def test_what_a_program_sees(server_of: ServerOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own variables and a few harmless ones; a key that it gives away is struck out."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("ZONE", "Asia/Tokyo")
    env = {"PLACE": "in ${ZONE}", "MAP_KEY": "map-key-of-ours"}
    (text,) = await said(server_of(env=env), ("environment", {}))
    assert "MAP_KEY=[redacted]" in text
    names = {line.partition("=")[0] for line in text.splitlines()}
    assert "PLACE=in Asia/Tokyo" in text
    assert SECRET not in text
    assert names - {"LC_CTYPE"} <= {
        *("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "SERVER_LOG", "PLACE", "MAP_KEY"),
    }


async def test_what_a_server_is_shown_as() -> None:
    """Neither variables nor headers, nor what follows an address."""
    env = {"A": SECRET}
    assert SECRET not in repr(McpServer("x", command="x", env=env))
    url = f"http://u:{SECRET}@127.0.0.1:9/mcp?key={SECRET}"
    server = McpServer("x", url=url, headers={"Authorization": SECRET})
    assert SECRET not in repr(server)
    assert SECRET not in repr(server.only("t"))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "needs a 'command' or a 'url'"),
        ({"command": "x", "url": "http://127.0.0.1/"}, "not both"),
        ({"url": "ftp://x"}, "not an http"),
        ({"url": "http://[bad"}, "not an http"),
        ({"url": "http://x", "headers": {"A": SECRET + "\n"}}, "^((?!canary).)*cannot be sent"),
        ({"command": "x", "env": {5: "A"}}, "hold texts"),
        ({"command": "x", "env": {"A": 5}}, "hold texts"),
        ({"command": "x", "timeout_s": 0}, "timeout_s must be more than 0"),
        ({"command": "x", "max_chars": 0}, "max_chars must be more than 0"),
    ],
)
def test_a_server_that_is_wrong(options: dict[str, Any], why: str) -> None:
    """It is refused when it is made."""
    with pytest.raises(UserError, match=why):
        McpServer("x", **options)
