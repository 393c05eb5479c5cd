"""The names that a program may use, what loading them costs, and that their types resolve."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import massgraph

HEAVY = ("langchain_core", "langgraph", "openai", "pydantic", "rich", "click", "yaml", "asyncio")


def test_the_public_names() -> None:
    """What is public is this, and nothing else: a change here is a change for all users."""
    assert sorted(massgraph.__all__) == [
        "Agent",
        "BackendChatModel",
        "BackendError",
        "Budget",
        "Event",
        "LLMBackend",
        "MassgraphError",
        "Policy",
        "Result",
        "Run",
        "RunError",
        "ScriptedBackend",
        "StreamChunk",
        "Team",
        "TeamChatModel",
        "Threads",
        "TokenUsage",
        "ToolSchema",
        "Usage",
        "UserError",
        "Vote",
        "__version__",
        "event_to_dict",
        "event_to_json",
        "forbid_real_requests",
        "rule",
    ]


@pytest.mark.parametrize("name", massgraph.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """It can be had, is listed, and is the same object each time."""
    assert getattr(massgraph, name) is getattr(massgraph, name)
    assert name in dir(massgraph)


def test_a_name_that_is_not_there() -> None:
    """It is missed as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Teem'"):
        _ = massgraph.Teem  # type: ignore[attr-defined]


def loaded_after(statements: str, modules: tuple[str, ...] = HEAVY) -> set[str]:
    """Return which of these modules a fresh interpreter has loaded after these statements."""
    code = f"{statements}\nimport sys\nprint(*(m for m in {modules!r} if m in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return set(ran.stdout.split())


def test_importing_costs_next_to_nothing() -> None:
    """No other package is loaded before it is needed."""
    assert loaded_after("import massgraph") == set()


def test_an_adapter_of_ones_own_needs_no_graph() -> None:
    """The interface is loaded without LangChain, LangGraph or any SDK."""
    statements = "from massgraph import LLMBackend, StreamChunk, TokenUsage, ToolSchema, UserError"
    assert loaded_after(statements, HEAVY[:-1]) == set()


def test_a_team_is_made_without_any_sdk() -> None:
    """A provider's SDK is loaded when its backend is built."""
    statements = (
        "from massgraph import Agent, Policy, Team\n"
        "Team([Agent('alice', 'chat_completions:m'), Agent('bob', 'local')], Policy())"
    )
    assert loaded_after(statements, ("openai", "xllamacpp")) == set()


def test_importing_configures_no_logging() -> None:
    """A library speaks where it is listened to."""
    code = (
        "import logging, massgraph\n"
        "logger = logging.getLogger('massgraph')\n"
        "logger.error('Nobody hears this.')\n"
        "print(logging.root.handlers, logger.level, logger.propagate,\n"
        "      [type(handler).__name__ for handler in logger.handlers])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] 0 True ['NullHandler']\n"
    assert ran.stderr == ""


def annotated() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give out all public classes and functions, and the methods of the classes."""
    for name in massgraph.__all__:
        public = getattr(massgraph, name)
        if inspect.isclass(public) and public.__module__.startswith("massgraph"):
            yield name, public
            for member, value in vars(public).items():
                method = value.fget if isinstance(value, property) else value
                function = getattr(method, "__func__", method)
                if inspect.isfunction(function) and function.__module__.startswith("massgraph"):
                    yield f"{name}.{member}", function
        elif inspect.isfunction(public):
            yield name, public
    for union in (massgraph.Event, massgraph.StreamChunk):
        for one in typing.get_args(union):
            yield one.__name__, one


@pytest.mark.parametrize(("name", "public"), [pytest.param(n, p, id=n) for n, p in annotated()])
def test_every_annotation_resolves(name: str, public: Callable[..., Any]) -> None:
    """`typing.get_type_hints` works on all that is public, for whatever builds on it."""
    typing.get_type_hints(public)


def test_the_logger_is_quiet_in_a_run(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run that goes well warns of nothing, and says nothing on any stream."""
    backend = massgraph.ScriptedBackend([{"new_answer": "A."}])
    with caplog.at_level(logging.INFO, logger="massgraph"):
        result = massgraph.Team([massgraph.Agent("alice", backend)]).run("Q?")
    assert result.answer == "A."
    assert {r.levelname for r in caplog.records if r.name.startswith("massgraph")} == {"INFO"}
    assert capfd.readouterr() == ("", "")
