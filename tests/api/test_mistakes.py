"""Mistakes are told when they are made, by name, before anything is built or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, MassgraphError, Policy, RunError, ScriptedBackend, Team, UserError
from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.errors import MissingError
from massgraph.backends.gemini import GeminiBackend
from massgraph.backends.grok import GrokBackend
from massgraph.backends.openai import OpenAIBackend

from ..vloop import run_virtual


def agent(name: str = "alice", **more: Any) -> Agent:
    """Return an agent that could answer."""
    return Agent(name, ScriptedBackend([{"new_answer": "A."}]), **more)


def tool_of_twins(twin: int) -> str:
    """Twin."""
    return str(twin)


def vote(agent_id: str) -> str:
    """Have the name of an action."""
    return agent_id


AGENTS: dict[str, tuple[Callable[[], Any], str]] = {
    "nobody": (lambda: Team([]), "at least one agent"),
    "the same id twice": (lambda: Team([agent(), agent()]), "'alice'"),
    "a quorum of more than there are": (
        lambda: Team([agent()], Policy(quorum=2)),
        "quorum of 2 ballots can't be met by 1 agent",
    ),
    "nothing to merge": (
        lambda: Team([agent()], Policy(presenter="alice")),
        "a presenter goes with final: synthesize",
    ),
    "a presenter from elsewhere": (
        lambda: Team([agent()], Policy(final="synthesize", presenter="bob")),
        "presenter names 'bob'",
    ),
    "an id in other letters": (lambda: Team([agent("Bob"), agent("bOB")]), "'bOB'"),
    "an empty id": (lambda: Team([agent("")]), "''"),
    "a digit first": (lambda: Team([agent("1st")]), "'1st'"),
    "a blank": (lambda: Team([agent("a b")]), "'a b'"),
    "what LangGraph splits at": (lambda: Team([agent("a|b")]), "'a|b'"),
    "a colon": (lambda: Team([agent("a:b")]), "'a:b'"),
    "a line end": (lambda: Team([agent("alice\n")]), "alice"),
    "a letter with a dot": (lambda: Team([agent("zoë")]), "'zoë'"),
    "too long": (lambda: Team([agent("x" * 65)]), "64 characters"),
    "a node of the machine": (lambda: Team([agent("collect_votes")]), "'collect_votes'"),
    "a node in other letters": (lambda: Team([agent("Ask")]), "'Ask'"),
    "a word of drawings": (lambda: Team([agent("end")]), "'end'"),
    "a key of the result": (lambda: Team([agent("total")]), "'total'"),
    "no such provider": (lambda: Agent("alice", "chat_completion:m"), "chat_completions"),
    "no model": (lambda: Agent("alice", "chat_completions"), "names no model"),
    "a mapping without a type": (lambda: Agent("alice", {"model": "m"}), "type"),
    "a server, and not a provider": (
        lambda: Agent("alice", "ollama:qwen3"),
        "base_url: http://127.0.0.1:11434/v1 and type: chat_completions.",
    ),
    "open weights, whoever serves them": (lambda: Agent("alice", "gpt-oss-20b"), "Unknown"),
    "its own fallback": (
        lambda: Agent("alice", "openai:gpt-5.4", fallback={"model": "gpt-5.4"}),
        "Agent 'alice': the fallback is the backend itself.",
    ),
    "no time for tools": (lambda: agent(tool_timeout_s=0), "tool_timeout_s"),
    "no number of seconds": (lambda: agent(tool_timeout_s="5"), "tool_timeout_s"),
    "a visibility that raises": (
        lambda: Team([agent()], Policy(visibility=lambda sight: sight.agents[7])),
        "The visibility function raised IndexError: tuple index out of range. "
        "It was tried for 'alice'.",
    ),
    "a visibility of one": (
        lambda: Team([agent()], Policy(visibility=lambda sight: sight.agent)),
        "returned a value of type str; it returns a list or a set of agent ids.",
    ),
    "an unnamed weight": (lambda: Team([agent()], Policy(weights={"zoe": 1})), "'zoe'"),
    "two stores": (lambda: Team([agent()], checkpointer=InMemorySaver(), db="memory:"), "both"),
    "no such store": (lambda: Team([agent()], db="mysql://x"), "mysql://x"),
}


@pytest.mark.parametrize(("make", "said"), AGENTS.values(), ids=AGENTS)
def test_a_wrong_team(make: Callable[[], Any], said: str) -> None:
    """It is refused where it is defined, in one line that names what is wrong."""
    with pytest.raises(UserError) as caught:
        make()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a", "A", "Alice_2-b", "x" * 64, "end2", "present"])
def test_a_right_id(name: str) -> None:
    """A letter, and then letters, digits, `_` and `-`."""
    assert Team([agent(name)]).run("Q?").winner == name


def of(**options: Any) -> dict[str, Any]:
    """Return a backend's mapping."""
    return {"type": "openai", "model": "gpt-5.4", **options}


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "text for a number": (of(temperature="hot"), "openai: temperature must be a number."),
    "a negative number": (of(max_tokens=-1), "openai: max_tokens must be 0 or more."),
    "a part of a token": (of(max_tokens=1.5), "openai: max_tokens must be a whole number."),
    "a number in quotes": (of(max_tokens="5"), "openai: max_tokens must be a whole number."),
    "yes": (of(enable_web_search="yes"), "openai: enable_web_search must be true or false."),
    "no such effort": (of(reasoning_effort="huge"), "reasoning_effort must be one of none, "),
    "a word that is near": (of(reasoning_effort="hihg"), "did you mean 'high'?"),
    "time that runs back": (of(idle_timeout_s=-1), "idle_timeout_s must be more than 0."),
    "time without end": (of(idle_timeout_s=float("inf")), "must be a finite number."),
    "no time": (of(idle_timeout_s="x"), "openai: idle_timeout_s must be a number."),
    "no URL": (of(base_url=5), "openai: base_url must be text."),
    "no key": (of(api_key=5), "openai: api_key must be text."),
    "no body": (of(extra_body=[1]), "openai: extra_body must be a mapping."),
    "what a request is made of": (
        of(extra_body={"model": "x", "input": "y"}),
        "openai: extra_body must not hold 'model'; set model instead. "
        "extra_body must not hold 'input'.",
    ),
    "an unknown key": (of(temprature=1), "unknown key 'temprature'; did you mean 'temperature'?"),
    "another provider's switch": (of(enable_x_search=True), "unknown key 'enable_x_search'"),
    "two mistakes": (of(max_tokens="5", base_url=5), "base_url must be text. max_tokens must be"),
    "no model at all": ({"type": "openai"}, "'openai' names no model."),
    "a number for a model": (of(model=5), "openai: model must be text."),
    "an unknown mode": (
        {"type": "grok", "model": "grok-4", "search_mode": "maybe"},
        "grok: search_mode must be one of off, auto, on.",
    ),
}


@pytest.mark.parametrize(("backend", "said"), OPTIONS.values(), ids=OPTIONS)
def test_a_wrong_option(backend: dict[str, Any], said: str) -> None:
    """A program's options are checked as a config's are, and the agent is named."""
    for wrong in (
        lambda: Agent("alice", backend),
        lambda: Agent("alice", ScriptedBackend([{"new_answer": "A."}]), fallback=backend),
    ):
        with pytest.raises(UserError) as caught:
            wrong()
        assert str(caught.value).startswith("Agent 'alice': ")
        assert said in str(caught.value)


def test_a_right_option() -> None:
    """A switch that is off is none that the provider lacks; nothing is built, no key is needed."""
    Agent("alice", of(enable_x_search=False, temperature=1, extra_body={"top_p": 1}))
    Agent("alice", {"model": "gpt-5.4"}, fallback={"model": "gpt-5.4", "max_tokens": 99})


@pytest.mark.parametrize("cls", [ClaudeBackend, GeminiBackend, GrokBackend, OpenAIBackend])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": 5}, "model must be text."),
        ({"model": "m", "temperature": "hot"}, "temperature must be a number."),
        ({"model": "m", "base_url": 5}, "base_url must be text."),
        ({"model": "m", "extra_body": {"stream": False}}, "extra_body must not hold 'stream'."),
    ],
)
def test_a_backend_of_ones_own(cls: Any, options: dict[str, Any], said: str) -> None:
    """Its arguments are checked in the same way."""
    with pytest.raises(UserError, match=said):
        cls(**{"api_key": "k", **options})


def test_whose_key_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found when a backend is built names the agent, too."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingError, match=r"^Agent 'bob': OpenAI needs a key\. Set "):
        Team([agent(), Agent("bob", "openai:gpt-5.4")]).run("Q?")


KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"rul": "plurality"}, "rul: unknown key"),
    "a rule that is none": ({"rule": "lottery"}, "rule: unknown rule 'lottery'"),
    "text for a number": ({"quorum": "2"}, "quorum"),
    "a share of all": ({"quorum": 1.0}, "quorum"),
    "no quorum": ({"quorum": 0}, "quorum"),
    "a truth for a number": ({"attempts": True}, "attempts"),
    "no attempts": ({"attempts": 0}, "attempts"),
    "a negative time": ({"round_deadline_s": -1}, "round_deadline_s"),
    "an endless time": ({"run_deadline_s": float("inf")}, "run_deadline_s"),
    "not a time": ({"idle_timeout_s": float("nan")}, "idle_timeout_s"),
    "a negative weight": ({"weights": {"alice": -1}}, "weights"),
    "a tie that is none": ({"tie": "first"}, "tie"),
    "stages out of order": ({"soft_deadline_s": 20, "round_deadline_s": 10}, "soft_deadline_s"),
    "a visibility that is none": (
        {"visibility": "rign"},
        "visibility: unknown visibility 'rign'; did you mean 'ring'?",
    ),
    "a visibility that is nowhere": ({"visibility": "json:nope"}, "has no 'nope'"),
    "peers of all": (
        {"visible_peers": 2},
        "visible_peers (2) goes with visibility: ring or random",
    ),
    "all novelty": ({"novelty": 1.0}, "novelty"),
    "a template that is none": (
        {"templates": {"frist": "Go."}},
        "templates: there is no template 'frist'; did you mean 'first'?",
    ),
    "no calls": ({"max_calls": 0}, "max_calls"),
    "no money": ({"max_cost_usd": 0}, "max_cost_usd"),
    "a word for a truth": ({"settle_early": "yes"}, "settle_early"),
    "an output that is no type": ({"output_type": {"type": "strng"}}, "output_type: It is no JSON"),
    "an end that is none": ({"final": "merge"}, "final"),
}


@pytest.mark.parametrize(("keys", "said"), KEYS.values(), ids=KEYS)
def test_a_wrong_policy(keys: dict[str, Any], said: str) -> None:
    """Each key is refused by its name."""
    with pytest.raises(UserError) as caught:
        Policy(**keys)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_of_a_policy_are_told_together() -> None:
    """Nobody has to find them one by one."""
    with pytest.raises(UserError) as caught:
        Policy(rul="plurality", quorum=0, tie="first")
    assert all(key in str(caught.value) for key in ("rul:", "quorum:", "tie:"))


def test_a_policy_cannot_be_changed() -> None:
    """It is what it was when the team was made."""
    with pytest.raises((AttributeError, ValueError), match="frozen"):
        Policy().quorum = 2  # type: ignore[misc]


TOOLS: dict[str, tuple[list[Any], str]] = {
    "the name of an action": ([vote], "'vote' has the name of an action"),
    "twice the same": ([tool_of_twins, tool_of_twins], "is there twice"),
    "no tool at all": ([5], "5 is no tool"),
    "no tool of that name": (["search"], "there is no tool 'search'"),
    "no name": ([lambda x: x], "tool"),
}


@pytest.mark.parametrize(("tools", "said"), TOOLS.values(), ids=TOOLS)
def test_a_wrong_tool(tools: list[Any], said: str) -> None:
    """It is refused before the first call, with the agent's name."""
    with pytest.raises(UserError) as caught:
        Team([agent(tools=tools)]).compile()
    assert "'alice'" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("question", ["", " ", "\n\t "])
def test_an_empty_question(question: str) -> None:
    """However it is asked."""
    team = Team([agent()])

    async def ask() -> None:
        with pytest.raises(UserError, match="question is empty"):
            await team.arun(question)
        with pytest.raises(UserError, match="question is empty"):
            team.start(question)
        with pytest.raises(UserError, match="question is empty"):
            await anext(team.astream(question))

    run_virtual(ask())
    with pytest.raises(UserError, match="question is empty"):
        team.run(question)
    with pytest.raises(UserError, match="question is empty"):
        next(iter(team.stream(question)))


def test_a_handle_without_an_event_loop() -> None:
    """It says what to use instead, and leaves the thread free."""
    team = Team([agent()], db="memory:")
    with pytest.raises(UserError, match=r"run\(\)"):
        team.start("Q?", thread_id="t")
    assert team.run("Q?", thread_id="t").answer == "A."


def test_what_a_backend_misses_is_told_before_the_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing key is no failure of an agent: nobody is called at all."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    other = ScriptedBackend([{"new_answer": "A."}])
    team = Team([Agent("alice", other), Agent("bob", "chat_completions:gpt-5.4")])
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        team.run("Q?")
    assert other.calls == 0

    async def start() -> None:
        run = team.start("Q?")
        with pytest.raises(UserError, match="OPENAI_API_KEY"):
            await run.result()
        assert run.status == "failed"
        assert [event async for event in run] == []

    asyncio.run(start())


def test_the_errors_are_one_tree() -> None:
    """A program can catch all of them by one name."""
    assert issubclass(UserError, MassgraphError)
    assert issubclass(RunError, MassgraphError)
    assert not issubclass(UserError, RunError)
