"""Tools and MCP servers of a config: what is refused, what is missing, and where."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from massgraph.tools import McpServer
from massgraph.tools.mcp import McpTool

from .conftest import AGENT, Load, Refused

PYTHON = sys.executable
SERVERS = f"mcp_servers: {{time: {{command: '{PYTHON}', tools: [now]}}}}\n"


def agent(*tools: str) -> str:
    """Return a team's text with an agent that has these tools."""
    return f"agents: [{AGENT[:-1]}, tools: [{', '.join(repr(tool) for tool in tools)}]}}]\n"


def test_tools_by_their_names(load: Load, folder: Path) -> None:
    """A built-in one, a function, a LangChain tool, a server, and one tool of it."""
    (folder / "own_tools.py").write_text(
        "from langchain_core.tools import tool\n"
        "def double(n: int) -> int:\n    'Double.'\n    return 2 * n\n"
        "@tool\ndef triple(n: int) -> int:\n    'Triple.'\n    return 3 * n\n"
    )
    names = ["calculator", "python", "own_tools:double", "own_tools:triple", "mcp:time"]
    (made,) = load(SERVERS + agent(*names)).agents
    assert [tool.name for tool in made.build_tools()] == [*names[:2], "double", "triple"]
    (server,) = made.toolboxes()
    assert isinstance(server, McpServer)
    (one,) = load(SERVERS + agent("mcp:time/now")).agents[0].toolboxes()
    assert isinstance(one, McpTool)


def test_agents_share_a_server(load: Load) -> None:
    """What a config describes once is started once."""
    boxes = "[mcp:time]", "[mcp:time/now]"
    first, second = (
        f"{AGENT[:-1].replace('id: a', f'id: {name}')}, tools: {box}}}"
        for name, box in zip("ab", boxes, strict=True)
    )
    team = load(f"{SERVERS}agents: [{first}, {second}]")
    opened = [agent.toolboxes()[0].opened_by for agent in team.agents]
    assert opened[0] is opened[1]


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        ("calculatr", "there is no tool 'calculatr'; did you mean 'calculator'?"),
        ("search", "there is no tool 'search'; known: calculator, python, module:function, mcp:SERVER, mcp:SERVER/TOOL"),  # noqa: E501
        ("mcp:tim", "there is no MCP server 'tim'; did you mean 'time'?"),
        ("mcp:", "there is no MCP server ''; known: time"),
        ("mcp:time/nov", "the tools of 'time' do not name 'nov'; did you mean 'now'?"),
    ],
)  # fmt: skip
def test_a_tool_that_is_not_there(tool: str, problem: str, refused: Refused) -> None:
    """It is refused where it stands."""
    text = SERVERS + agent(tool)
    column = text.splitlines()[1].index(repr(tool)) + 1
    assert refused(text) == [f"2:{column}: {problem}"]


def test_functions_that_are_no_tools(refused: Refused, folder: Path) -> None:
    """Each is refused where it stands, whatever it raises when it is looked at."""
    (folder / "no_tools.py").write_text(
        "def undocumented(n: int): ...\n"
        "def unknown(n: 'Nobody') -> int:\n    'Doc.'\n    return 1\n"
    )
    names = ["no_tools:undocumented", "no_tools:unknown"]
    line = agent(*names)
    first, second = (line.index(repr(name)) + 1 for name in names)
    assert refused(line) == [
        f"1:{first}: 'no_tools:undocumented' is no tool: "
        "Function must have a docstring if description not provided.",
        f"1:{second}: 'no_tools:unknown' is no tool: name 'Nobody' is not defined",
    ]


def test_a_server_without_servers(refused: Refused) -> None:
    """It says that none are described."""
    (problem,) = refused(agent("mcp:time"))
    assert problem.endswith("there is no MCP server 'time'; 'mcp_servers' names none")


def test_a_tool_twice(refused: Refused) -> None:
    """Names must not clash within an agent."""
    (problem,) = refused(agent("calculator", "calculator"))
    assert "Agent 'a': the tool 'calculator' is there twice." in problem


@pytest.mark.parametrize(
    ("server", "at", "problem"),
    [
        ("{command: x, url: 'http://h'}", "url", "give 'command' or 'url', not both"),
        ("{command: 5}", "5", "command must be text"),
        ("{command: x, argz: []}", "argz", "unknown key 'argz'; did you mean 'args'?"),
        ("{command: x, args: a}", "a}", "args must be a list"),
        ("{command: x, args: [1]}", "1", "args[0] must be text"),
        ("{command: x, env: {A: 1}}", "1", "A must be text"),
        ("{command: x, headers: {A: b}}", "headers", "'headers' belongs to a url"),
        ("{url: 'http://h', env: {A: b}}", "env", "'env' belongs to a command"),
        ("{url: h}", "h}", "url is not an http(s) URL"),
        ("{url: 'http://'}", "'h", "url is not an http(s) URL"),
        ("{url: 'http://[bad'}", "'h", "url is not an http(s) URL"),
        ("{url: 'http://h:99999'}", "'h", "url is not an http(s) URL"),
        ("{url: 'http://h h'}", "'h", "url is not an http(s) URL"),
        ("{url: 'http://h', headers: {'X Y': b}}", "'X", "'X Y' can't be the name of a header"),
        ("{url: 'http://h', headers: {X: 'ü'}}", "'ü", "X holds characters that cannot be sent"),
        (
            '{url: "http://h", headers: {X: "a\\nb"}}',
            '"a',
            "X holds characters that cannot be sent",
        ),
        ("{command: x, env: {'A=B': c}}", "'A", "'A=B' can't be the name of a variable"),
        ('{command: x, env: {A: "a\\0b"}}', '"a', "the value of A holds a null character"),
        ('{command: x, args: ["a\\0b"]}', '"a', "args[0] holds a null character"),
        (
            "{command: x, tools: []}",
            "[",
            "tools allows none; name some, or leave it out to allow all",
        ),
        ("{command: x, tools: [a, a]}", "a]", "'a' is there twice"),
        ("{command: x, timeout_s: 0}", "0", "timeout_s must be more than 0"),
        ("{command: x, max_chars: 1.5}", "1.5", "max_chars must be a whole number"),
        ("{command: x, tools: all}", "all", "tools must be a list"),
    ],
)
def test_a_server_that_is_wrong(server: str, at: str, problem: str, refused: Refused) -> None:
    """Of a server with one mistake, that mistake is told, where it stands, whoever names it."""
    begins = "mcp_servers: {s: "
    column = len(begins) + server.index(at) + 1
    text = f"{begins}{server}}}\n" + agent("mcp:s")
    assert refused(text) == [f"1:{column}: {problem}"]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("{command: ''}", "1:15: a server needs a 'command' or a 'url'"),
        ("null", "1:18: 's' must be a mapping, with a command or a url"),
        ("{}", "1:15: a server needs a 'command' or a 'url'"),
        ("5", "1:18: 's' must be a mapping, with a command or a url"),
    ],
)
def test_a_server_that_is_none(server: str, problem: str, refused: Refused) -> None:
    """What is not even the beginning of one."""
    assert refused(f"mcp_servers: {{s: {server}}}\n" + agent("mcp:s")) == [problem]


def test_servers_that_are_no_mapping(refused: Refused) -> None:
    """The key itself is checked, too."""
    problems = ["1:14: mcp_servers must be a mapping"]
    assert refused(f"mcp_servers: [x]\n{agent('mcp:x')}") == problems


def test_a_server_that_nobody_names(load: Load) -> None:
    """It is a warning, and nothing is missing for it."""
    (warning,) = load(SERVERS + agent()).warnings
    assert str(warning) == "team.yaml:1:15: no agent names the MCP server 'time'; it is not started"
    assert not warning.missing


def test_what_is_missing_on_this_machine(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program, a variable: warnings, which a run refuses; values are never shown."""
    monkeypatch.delenv("DOCS_TOKEN", raising=False)
    text = (
        "mcp_servers:\n"
        "  a: {command: no-such-program, env: {KEY: 'canary ${DOCS_TOKEN}'}}\n"
        "  b: {url: 'http://127.0.0.1:9/', headers: {X: '${DOCS_TOKEN}'}}\n"
    )
    warnings = load(text + agent("mcp:a", "mcp:b")).warnings
    assert [str(warning).removeprefix("team.yaml:") for warning in warnings] == [
        "2:16: there is no program 'no-such-program'; install it, or write its path",
        "2:44: the environment variable DOCS_TOKEN is not set",
        "3:48: the environment variable DOCS_TOKEN is not set",
    ]
    assert all(warning.missing for warning in warnings)
    assert shutil.which("no-such-program") is None


@pytest.mark.parametrize(
    ("package", "tool", "extra"),
    [("simpleeval", "calculator", "tools"), ("langchain_mcp_adapters", "mcp:time", "mcp")],
)
def test_an_extra_that_is_missing(
    package: str, tool: str, extra: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config is right; the command that installs it is told."""
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else found(name)
    )
    warnings = [w for w in load(SERVERS + agent(tool, "mcp:time/now")).warnings if w.missing]
    assert f"pip install 'massgraph[{extra}]'" in str(warnings[0])
