"""What comes with a question and is not said in it is sent to nobody, and stored nowhere."""

from __future__ import annotations

import gc
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from massgraph import Agent, ScriptedBackend, Team, Threads, UserError
from massgraph.backends.registry import build_backend
from massgraph.question import conversation

from .canaries import Canaries

SCRIPT = [{"new_answer": "42", "when": "no_answers"}, {"vote": "first", "when": "answers"}]


def team_in(folder: Path) -> Team:
    """Return a team that keeps everything below a folder."""
    agents = [Agent(name, ScriptedBackend(SCRIPT)) for name in ("alice", "bob")]
    return Team(agents, db=f"sqlite:///{folder}/threads.db", records=folder / "runs")


def talk(canaries: Canaries) -> list[AnyMessage]:
    """Return a conversation with a key in all places that messages have for metadata."""

    def metadata(kind: str) -> dict[str, Any]:
        return {
            "id": canaries.plain(f"{kind}: id"),
            "additional_kwargs": {"api_key": canaries.key(f"{kind}: kwargs")},
            "response_metadata": {"headers": {"x": canaries.key(f"{kind}: response")}},
            "whatever": canaries.key(f"{kind}: another field"),
        }

    call = {"name": "look", "args": {"at": "rivers"}, "id": "call_1"}
    return [
        SystemMessage("Be brief.", **metadata("system")),
        HumanMessage("Look at rivers.", name="Eve", **metadata("human")),
        AIMessage("", tool_calls=[call], **metadata("ai")),
        ToolMessage("They rise.", tool_call_id="call_1", artifact=canaries.key("artifact")),
        AIMessageChunk("So they do.", **metadata("chunk")),
        HumanMessage([{"type": "text", "text": "Why?"}], **metadata("question")),
    ]


async def test_metadata_of_messages_goes_nowhere(tmp_path: Path, canaries: Canaries) -> None:
    """Neither into the database nor into a record, whatever becomes of the thread."""
    messages = talk(canaries)
    assert len(canaries.found_in(repr(messages))) == len(canaries.cores) == 21
    async with team_in(tmp_path) as team, Threads(f"sqlite:///{tmp_path}/threads.db") as kept:
        assert (await team.arun(messages, thread_id="t")).answer == "42"
        assert (await team.arun(messages, thread_id="t")).answer == "42"
        await kept.fork("t", step=2, to="f")
        await team.aresume("f")
        assert canaries.found_under(tmp_path) == {}
        steps = await kept.steps("f")
        assert canaries.found_in(repr(steps), repr(await kept.ls())) == set()
    assert canaries.found_under(tmp_path) == {}


def test_what_is_said_stays() -> None:
    """Texts, names, calls and their results are sent on, each message as its own kind."""
    given = talk(Canaries())
    bare = conversation(given)
    assert [one.content for one in bare] == [one.content for one in given]
    assert [one.type for one in bare] == ["system", "human", "ai", "tool", "ai", "human"]
    assert bare[1].name == "Eve"
    assert isinstance(bare[2], AIMessage)
    assert bare[2].tool_calls == given[2].tool_calls  # type: ignore[union-attr]
    assert isinstance(bare[3], ToolMessage)
    assert (bare[3].tool_call_id, bare[3].artifact) == ("call_1", None)
    with pytest.raises(UserError, match="RemoveMessage can't be part of a conversation"):
        conversation([RemoveMessage("x"), HumanMessage("Why?")])  # type: ignore[list-item]


def test_what_other_models_need_stays() -> None:
    """A message that comes back to the model of LangChain that said it is understood."""
    role, said = conversation(
        [("developer", "Be brief."), AIMessage("", response_metadata={"output_version": "v1"}), "?"]  # type: ignore[list-item]
    )[:2]
    assert role.additional_kwargs == {"__openai_role__": "developer"}
    assert said.response_metadata == {"output_version": "v1"}


class Asked(TypedDict):
    """The state of a graph that asks a team."""

    answer: str


async def test_the_config_of_a_graph_that_asks_a_team(tmp_path: Path, canaries: Canaries) -> None:
    """Its metadata, tags and settings stay with it: they are no part of the team's thread."""
    team = team_in(tmp_path)

    async def ask(_: Asked) -> Asked:
        result = await team.arun("Why?", thread_id="t")
        return {"answer": str(result.answer)}

    graph: Any = StateGraph(Asked).add_node("ask", ask).add_edge(START, "ask").compile()
    config = {
        "metadata": {"key": canaries.key("metadata")},
        "configurable": {"a": canaries.key("configurable"), "thread_id": canaries.plain("thread")},
        "tags": [canaries.key("tag")],
        "run_name": canaries.key("name"),
    }
    async with team:
        assert await graph.ainvoke({"answer": ""}, config) == {"answer": "42"}
    assert canaries.found_under(tmp_path) == {}


async def test_what_is_removed_is_gone(
    tmp_path: Path, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a removed thread no text is left in the file, whatever SQLite does by itself."""
    opened = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = opened(*args, **options)
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    text = canaries.plain("question")
    async with team_in(tmp_path) as team, Threads(f"sqlite:///{tmp_path}/threads.db") as kept:
        await team.arun("Something before.", thread_id="a")
        await team.arun(f"What about {text}?", thread_id="t")
        await team.arun("Something after.", thread_id="z")
        await kept.rm("t")
        assert {row.thread_id for row in await kept.ls()} == {"a", "z"}
    assert canaries.found_in((tmp_path / "threads.db").read_bytes()) == set()


async def test_a_cassette_holds_no_key(tmp_path: Path, canaries: Canaries, wire: Any) -> None:
    """What is recorded is what was said, and of the backend what its replay needs."""
    path = tmp_path / "tape.db"
    inner = build_backend(
        "openai:gpt-5.4",
        base_url=f"{wire.server.origin}/v1".replace("://", f"://me:{canaries.plain('url')}@"),
        api_key=canaries.key("key"),
        extra_headers={"X-Gate": canaries.key("header")},
    )
    from massgraph.backends.cassette import RecordBackend

    backend = RecordBackend(inner, path, "alice")
    async for _ in backend.stream_with_tools(talk(canaries)[-1:], ()):
        pass
    await backend.aclose()
    assert path.stat().st_size > 0
    assert canaries.found_in(*(str(one.headers) for one in wire.server.requests)) >= {"header"}
    assert canaries.found_under(tmp_path) == {}
    gc.collect()
