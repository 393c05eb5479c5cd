"""`massgraph init`: a config for a beginning."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from massgraph.backends.vendors import VENDORS
from massgraph.cli import init as command
from massgraph.config import TeamConfig, load_config, load_document
from massgraph.config.document import Document
from massgraph.config.starter import (
    DEFAULT_MODELS,
    GRAPH_CHOICES,
    RULE_CHOICES,
    Choices,
    starter,
)
from massgraph.config.yaml_source import parse_yaml
from massgraph.graphs.names import GRAPHS
from massgraph.nodes.rules import RULES
from tests.terminal.pty import Terminal

from .conftest import Cli

KEYS = [name for vendor in VENDORS for name in vendor.key_variables]


@pytest.fixture(autouse=True)
def keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no key set, whoever runs the tests."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def loaded(text: str) -> TeamConfig:
    """Return the team of a config's text."""
    document = Document("x.yaml")
    document.build(parse_yaml(text))
    return load_document(document)


def test_without_keys_it_is_the_embedded_team(cli: Cli, folder: Path) -> None:
    """Nothing is asked, the file can be read by all, and says what to do next."""
    ended = cli("init", "--yes")
    assert (ended.status, ended.out) == (0, b"")
    assert "massgraph run -c massgraph.yaml" in ended.err
    path = folder / "massgraph.yaml"
    assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    team = load_config(path)
    assert [agent.id for agent in team.agents] == ["careful", "inventive", "sceptic"]
    assert cli("validate", "massgraph.yaml").err == "massgraph.yaml: ok (3 agents)\n"


def test_a_model_of_each_provider_with_a_key(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the environment and of .env count; none is shown or written."""
    monkeypatch.setenv("XAI_API_KEY", "xai-Zq123456789")
    (folder / ".env").write_text("OPENAI_API_KEY=sk-Zq123456789\n")
    ended = cli("init", "--yes", "--web-search", "--budget", "0.5", "-")
    text = ended.out.decode()
    assert ended.status == 0
    assert "Zq1" not in text + ended.err
    config = yaml.safe_load(text)
    assert [agent["backend"]["type"] for agent in config["agents"]] == ["openai", "grok"]
    assert all(agent["backend"]["enable_web_search"] for agent in config["agents"])
    assert config["policy"]["max_cost_usd"] == 0.5
    assert "OPENAI_API_KEY, XAI_API_KEY" in text


def test_a_provider_alone_means_its_usual_model(cli: Cli) -> None:
    """A person who is shown providers may answer with one of them."""
    text = cli("init", "--yes", "--model", "OpenAI", "--model", "claude:", "-").out
    backends = [one["backend"] for one in yaml.safe_load(text)["agents"]]
    assert backends == [
        {"type": name, "model": DEFAULT_MODELS[name]} for name in ("openai", "claude")
    ]


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("models", [("local",), ("openai:gpt-6.1-terra", "grok:grok-4.7")])
def test_all_that_can_be_chosen_is_valid(
    graph: str, models: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No choice makes a config that is refused or warned of, and each choice has its comment."""
    for name in KEYS:
        monkeypatch.setenv(name, "k")
    number = 1 if graph in ("single", "self_consistency") else 7
    rules = list(RULE_CHOICES)[GRAPHS.index(graph) % 3 :: 3]
    for rule, budget in zip(rules, (None, 2.0), strict=True):
        chosen = Choices(
            models=models, agents=number, graph=graph, rule=rule, budget_usd=budget, web_search=True
        )
        text = starter(chosen.checked(), file="a b\nc: d")
        team = loaded(text)
        assert not team.warnings
        assert len(team.agents) == number
        assert GRAPH_CHOICES[graph] in text.replace("\n#", "")
        assert graph == "single" or team.policy.rule == rule


@pytest.mark.parametrize(
    "name", ["gpt-6.1-terra", "ft:gpt:me", "yes", "null", 'a"b', "a\\b", "{x}"]
)
def test_any_name_of_a_model_is_written_so_that_it_is_read_again(name: str) -> None:
    """Also one that YAML takes for something else, in its older version, too."""
    text = starter(Choices(models=(f"openai:{name}",), agents=1, graph="single"))
    assert [one["backend"]["model"] for one in yaml.safe_load(text)["agents"]] == [name]
    read = parse_yaml(text)
    document = Document("x.yaml")
    assert read is not None
    document.build(read)
    assert document.value["agents"][0]["backend"]["model"] == name


def test_a_graph_that_has_a_rule_of_its_own(cli: Cli) -> None:
    """It keeps it, unless a person says otherwise."""
    plain = yaml.safe_load(cli("init", "--yes", "--graph", "debate", "-").out)
    assert "policy" not in plain
    named = yaml.safe_load(cli("init", "--yes", "--graph", "debate", "--rule", "borda", "-").out)
    assert named["policy"] == {"rule": "borda"}


def test_every_graph_and_rule_is_offered() -> None:
    """What is new in the machine is offered here, too."""
    assert RULE_CHOICES.keys() == RULES.keys()
    assert GRAPH_CHOICES.keys() == set(GRAPHS)


def test_a_file_that_is_there_is_kept(cli: Cli, folder: Path) -> None:
    """It is replaced when somebody says so."""
    ended = cli("init", "--yes", "team.yaml")
    assert ended.status == 2
    assert "team.yaml is there already. Name another file, or add --force." in ended.err
    assert "scripted" in (folder / "team.yaml").read_text()
    assert cli("init", "--yes", "--force", "team.yaml").status == 0
    assert "local" in (folder / "team.yaml").read_text()


def test_off_a_terminal_nothing_is_asked(cli: Cli, folder: Path) -> None:
    """It says which option to give instead."""
    ended = cli("init", "new.yaml")
    assert (ended.status, ended.out) == (2, b"")
    assert "there is no terminal to ask at: add --yes" in ended.err
    assert not (folder / "new.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "opnai:x"), "Did you mean 'openai'?"),
        (("--model", "chat_completions:x"), "write it into the file by hand"),
        (("--graph", "teem"), "did you mean 'team'?"),
        (("--rule", "votes"), "There is no rule 'votes'"),
        (("--agents", "0"), "a number from 1 to 20"),
        (("--budget", "-1"), "--budget is a number of US dollars"),
        (("--budget", "nan"), "--budget is a number of US dollars"),
        (("--graph", "council", "--agents", "1"), "takes 2 agents at least"),
        (("--model", "sk-proj-abcdefghijkl"), "looks like a key"),
    ],
)
def test_refusals(words: tuple[str, ...], said: str, cli: Cli, folder: Path) -> None:
    """What cannot be is refused before anything is written."""
    ended = cli("init", "--yes", *words, "new.yaml")
    assert ended.status == 2
    assert said in ended.err
    assert "abcdefghijkl" not in ended.err
    assert not (folder / "new.yaml").exists()


def test_the_schema_is_named_where_there_is_one(cli: Cli, folder: Path) -> None:
    """An editor is pointed to a file that exists, and to no other."""
    assert "yaml-language-server" not in starter(Choices(models=("local",), agents=1))
    assert cli("schema", "config", "-o", "massgraph.schema.json").status == 0
    assert cli("init", "--yes", "new.yaml").status == 0
    first = (folder / "new.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=massgraph.schema.json"


def test_the_questions(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong answer is asked for again, Enter takes what is proposed, keys are not shown."""
    monkeypatch.setattr(command, "_check_terminal", lambda: None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-Zq123456789")
    answers = (
        "nobody\nopenai:gpt-6.1-sol claude:claude-opus-5-5\n99\n4\nmajorty\nmajority\ny\nx\n\n"
    )
    ended = cli("init", "new.yaml", stdin=answers.encode())
    assert (ended.status, ended.out) == (0, b"")
    assert "openai:gpt-6.1-terra      ready: OPENAI_API_KEY is set" in ended.err
    assert "not yet: set XAI_API_KEY" in ended.err
    assert "Zq1" not in ended.err
    assert "did you mean 'majority'?" in ended.err
    assert ended.err.count("How many agents") == 2
    config = yaml.safe_load((folder / "new.yaml").read_text())
    assert [one["backend"]["type"] for one in config["agents"]] == ["openai", "claude"] * 2
    assert config["policy"] == {"rule": "majority", "max_cost_usd": 1}


def test_no_answer_at_all(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leaves in the middle leaves no file behind."""
    monkeypatch.setattr(command, "_check_terminal", lambda: None)
    ended = cli("init", "new.yaml", stdin=b"local\n")
    assert ended.status == 130
    assert not (folder / "new.yaml").exists()


@pytest.mark.soak
def test_at_a_terminal(folder: Path) -> None:
    """A person presses Enter, and has a config that is valid."""
    with Terminal(["init", "mine.yaml"], rows=40, cols=100, cwd=folder) as term:
        for question in ("Models, one or more", "How many agents", "Rule"):
            term.wait_for(question, timeout_s=30)
            term.send("\r")
        assert term.status == 0
    assert not load_config(folder / "mine.yaml").warnings
