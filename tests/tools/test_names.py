"""What may stand among an agent's tools, and what holds for the result of every one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, ScriptedBackend, Team, UserError
from massgraph.nodes.cut import cut_middle
from massgraph.tools import McpServer

from ..protocol.stage import answer, calls, play


def one(*tools: Any, **more: Any) -> Agent:
    """Return an agent with these tools."""
    return Agent("alice", ScriptedBackend([{"new_answer": "A."}]), tools=tools, **more)


def long_text(number: int) -> str:
    """Return a long text."""
    return "<" + "x" * (number - 2) + ">"


@tool(response_format="content_and_artifact")
def look(number: int) -> tuple[str, dict[str, int]]:
    """Look."""
    return long_text(number), {"kept": number}


@tool
def show(number: int) -> ToolMessage:
    """Show a text, and a picture that belongs to it."""
    blocks: list[Any] = [
        {"type": "text", "text": long_text(number)},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    return ToolMessage(blocks, tool_call_id="")


def test_a_function_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function, plain or async, or a LangChain tool; the working directory's modules, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools_by_name.py").write_text(
        "from langchain_core.tools import tool\n"
        "def double(n: int) -> int:\n    'Double.'\n    return 2 * n\n"
        "async def later(n: int) -> int:\n    'Later.'\n    return n\n"
        "@tool(response_format='content_and_artifact')\n"
        "def pair(n: int) -> tuple[str, int]:\n    'Pair.'\n    return str(n), n\n"
    )
    names = [f"tools_by_name:{name}" for name in ("double", "later", "pair")]
    made = one(*names).build_tools()
    assert [(tool.name, tool.description) for tool in made] == [
        ("double", "Double."),
        ("later", "Later."),
        ("pair", "Pair."),
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("calculatr", "Agent 'alice': there is no tool 'calculatr'; did you mean 'calculator'?"),
        ("mcp:time", "'mcp:time' is a name for configs. In Python, give a massgraph.tools.Mcp"),
        ("no_such_module:f", "The module 'no_such_module' cannot be imported"),
        ("json:dumsp", "The module 'json' has no 'dumsp'. Did you mean 'dump'?"),
        ("json:__name__", "'json:__name__' is not a function"),
        ("", "there is no tool ''; known: calculator, python, module:function"),
    ],
)
def test_a_name_of_nothing(name: str, why: str) -> None:
    """It is told in one line when the team is built, before anything is sent."""
    with pytest.raises(UserError) as caught:
        Team([one(name)]).compile()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tools_of_one_name() -> None:
    """A function may not be called like a built-in tool that the agent has, too."""

    def calculator(n: int) -> int:
        """Calculate."""
        return n

    with pytest.raises(UserError, match="the tool 'calculator' is there twice"):
        one("calculator", calculator).build_tools()


def test_nothing_is_there_unless_it_is_named() -> None:
    """No interpreter by itself."""
    assert one().build_tools() == ()
    assert one().toolboxes() == ()


def test_a_server_is_no_plain_tool() -> None:
    """It is kept until it is opened; building an agent starts nothing."""
    server = McpServer("x", command="no-such-program")
    assert one("calculator", server).toolboxes() == (server,)
    assert len(one("calculator", server).build_tools()) == 1


# --- results -----------------------------------------------------------------------------------


def said(function: Any, number: int, most: int) -> ToolMessage:
    """Return what a model is told of a tool's result."""
    name = function.name if hasattr(function, "name") else function.__name__
    played = play(
        alice=[calls((name, {"number": number})), answer("A.")],
        more={"alice": {"tools": [function], "max_tool_chars": most}},
    )
    return played.heard["alice"][1].tool_results[0]


@pytest.mark.parametrize("function", [long_text, look, show])
@pytest.mark.parametrize(("number", "cut"), [(1000, False), (1001, True), (100_000, True)])
def test_a_long_result_is_cut_in_the_middle(function: Any, number: int, cut: bool) -> None:
    """Whatever kind of tool it comes from; its ends are kept, and what is missing is said."""
    text = said(function, number, 1000).text
    assert (text[0], text[-1]) == ("<", ">")
    assert (f"[... {number - 1000:,} characters are left out here ...]" in text) is cut
    assert len(text) <= 1060


def test_what_is_not_long_stays_as_it_is() -> None:
    """Blocks that are no text are kept."""
    assert len(said(show, 10, 1000).content) == 2


def test_a_long_error_is_cut_as_well() -> None:
    """What a tool raises may be as long."""

    def fail(number: int) -> str:
        """Fail."""
        raise ValueError("x" * number)

    assert len(said(fail, 100_000, 1000).text) < 1100


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "9"])
def test_a_limit_that_is_none(most: Any) -> None:
    """It is refused when the agent is made."""
    with pytest.raises(UserError, match="max_tool_chars"):
        one(max_tool_chars=most)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 11])
def test_the_two_ends(most: int) -> None:
    """So many characters are kept, however few."""
    text = "abcdefghijkl"
    head, tail = cut_middle(text, most).split(
        f"\n[... {12 - most} characters are left out here ...]\n"
    )
    assert len(head + tail) == most
    assert text.startswith(head)
    assert text.endswith(tail)


async def _wait(number: int) -> str:
    """Wait."""
    import asyncio

    await asyncio.sleep(number)
    return "waited"


@pytest.mark.parametrize(("limit", "told"), [(5, "longer than 5 s"), (500, "waited")])
def test_a_tool_may_have_a_time_limit_of_its_own(limit: float, told: str) -> None:
    """It counts more than its agent's."""
    made = StructuredTool.from_function(coroutine=_wait, name="wait", metadata={"timeout_s": limit})
    played = play(
        alice=[calls(("wait", {"number": 100})), answer("A.")],
        more={"alice": {"tools": [made], "tool_timeout_s": 60}},
    )
    assert told in played.heard["alice"][1].tool_results[0].text


async def test_the_results_can_be_stored() -> None:
    """A run with a checkpointer keeps what the tools said, and no artifact."""
    call = {"tool_calls": [{"name": "look", "args": {"number": 5}}]}
    agent = Agent("alice", ScriptedBackend([call, {"new_answer": "A."}]), tools=[look])
    async with Team([agent], checkpointer=InMemorySaver()) as team:
        assert (await team.arun("Q?", thread_id="t")).answer == "A."
