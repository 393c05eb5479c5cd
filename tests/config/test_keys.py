"""Keys: where they come from, that their absence is told, and that they are not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from massgraph import Agent
from massgraph.backends.errors import UserError
from massgraph.config import ConfigError
from massgraph.config.models import models_document

from .conftest import TEAM, Load, Refused

BACKEND = "{type: chat_completions, model: m, base_url: 'http://127.0.0.1:9/v1'"


def test_a_missing_variable_is_a_warning(load: Load) -> None:
    """Checking a config warns of a missing key, at its place; running it would be refused."""
    team = load(f"agent: {{backend: {BACKEND}, api_key_env: MY_KEY}}}}")
    message = "team.yaml:1:101: the environment variable MY_KEY is not set"
    assert [str(warning) for warning in team.warnings] == [message]
    with pytest.raises(ConfigError, match="MY_KEY"):
        team.check_ready()


def test_openai_itself_needs_its_key(load: Load) -> None:
    """Without `base_url`, the server is OpenAI's own, and its usual variable is missing."""
    team = load("agent: {backend: {type: chat_completions, model: m}}")
    (warning,) = team.warnings
    assert "OPENAI_API_KEY" in warning.message


def test_a_schema_without_its_library(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a warning with the command that installs it; running the config would be refused."""
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    team = load(f"{TEAM}policy: {{output_type: {{type: object}}}}")
    (warning,) = team.warnings
    assert str(warning).startswith("team.yaml:2:23: A JSON Schema needs the extra 'schema': ")
    assert warning.message.endswith("-m pip install 'massgraph[schema]'")
    with pytest.raises(ConfigError, match="needs the extra 'schema'"):
        team.check_ready()


def test_a_variable_that_is_set(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable set, everything is in place."""
    monkeypatch.setenv("MY_KEY", "sk-from-env")
    team = load(f"agent: {{backend: {BACKEND}, api_key_env: MY_KEY}}}}")
    team.check_ready()
    assert "sk-from-env" not in repr(team)


def test_the_env_file(load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` fills gaps in the environment, and never overrides it."""
    monkeypatch.setenv("OTHER_KEY", "from the environment")
    monkeypatch.setenv("MY_KEY", "put back at the end")
    del os.environ["MY_KEY"]
    (folder / ".env").write_text("MY_KEY=sk-from-file\nexport OTHER_KEY='from the file'\n")
    load(f"agent: {{backend: {BACKEND}, api_key_env: MY_KEY}}}}").check_ready()
    assert os.environ["MY_KEY"] == "sk-from-file"
    assert os.environ["OTHER_KEY"] == "from the environment"


def test_an_env_file_with_a_broken_line(
    folder: Path, load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that says nothing is a warning that does not repeat it; the others are read."""
    monkeypatch.setenv("MY_KEY", "put back at the end")
    del os.environ["MY_KEY"]
    (folder / ".env").write_text("sk-very-secret-1 is my key\nMY_KEY=sk\n")
    assert [str(w) for w in load(TEAM).warnings] == [
        ".env:1:1: this is not NAME=VALUE; it is left out"
    ]
    assert os.environ["MY_KEY"] == "sk"
    assert not caplog.records


def test_an_env_file_diverts_no_key(
    folder: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address of `.env` counts for its own keys, and never for those of the environment."""
    for name in ("XAI_BASE_URL", "XAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "put back at the end")
        del os.environ[name]
    monkeypatch.setenv("XAI_API_KEY", "xai-mine")
    text = "XAI_API_KEY=k\nXAI_BASE_URL=https://evil.example/v1\n"
    text += "ANTHROPIC_API_KEY=k\nANTHROPIC_BASE_URL=https://gate.example\n"
    (folder / ".env").write_text(text)
    assert [str(warning) for warning in load(TEAM).warnings] == [
        ".env:2:1: XAI_BASE_URL is left out: "
        "it would send the XAI_API_KEY of the environment elsewhere"
    ]
    assert "XAI_BASE_URL" not in os.environ
    assert os.environ["ANTHROPIC_BASE_URL"] == "https://gate.example"


def test_an_env_file_that_cannot_be_read(folder: Path, refused: Refused) -> None:
    """An `.env` that is not text is refused, not guessed at."""
    (folder / ".env").write_bytes(b"MY_KEY=\xff\n")
    assert refused(TEAM) == [".env:1:1: cannot be read: it is not UTF-8 text"]


def test_an_env_that_is_no_file(folder: Path, load: Load) -> None:
    """A fifo or a folder of that name is left alone, and blocks nobody."""
    os.mkfifo(folder / ".env")
    assert load(TEAM).agents


@pytest.mark.parametrize(
    "text",
    [
        "api_key: sk-very-secret-1",
        "api_key: sk-very-secret-1, temperature: hot",
        "api_key: [sk-very-secret-1]",
        "api_key_env: sk-very-secret-1",
        "api_key_env: very_secret_1",
        "api_key_env: gsk_very_secret_1",
        "api_key_env: AIzavery",
        "api_kei: sk-very-secret-1",
        "api_key: 'sk-very-secret-1 \\n'",
    ],
)
def test_no_key_is_repeated(text: str, load: Load) -> None:
    """Neither a problem, nor a warning, nor a repr holds a key, right or wrong."""
    try:
        team = load(f"agent: {{backend: {BACKEND}, {text}}}}}")
    except ConfigError as exc:
        said = f"{exc!r} {exc} {exc.problems} {exc.warnings}"
    else:
        said = f"{team!r} {team.agents} {team.warnings}"
    assert "very" not in said


@pytest.mark.parametrize("kind", ["", "type: openai, ", "type: grok, "])
def test_a_key_for_a_model_is_not_repeated(kind: str, refused: Refused) -> None:
    """It is refused at its place, whatever the provider is."""
    (said,) = refused(f"agent: {{backend: {{{kind}model: sk-ant-very-secret-1}}}}")
    assert "looks like a key" in said
    assert "very" not in said


@pytest.mark.parametrize("model", ["sk-ant-very-secret-1", "openai:sk-ant-very-secret-1"])
@pytest.mark.parametrize("backend", [None, "openai"])
def test_a_key_behind_model_is_not_repeated(model: str, backend: str | None) -> None:
    """On the command line, too."""
    for given in (([model], backend), ([], model)):
        with pytest.raises(ConfigError, match="looks like a key") as caught:
            models_document(*given)
        assert "very" not in f"{caught.value} {caught.value.problems}"


@pytest.mark.parametrize("spec", ["sk-ant-very-secret-1", "openai:sk-ant-very-secret-1"])
def test_a_key_for_an_agents_backend_is_not_repeated(spec: str) -> None:
    """In a program, too."""
    with pytest.raises(UserError, match="looks like a key") as caught:
        Agent("alice", spec)
    assert "very" not in str(caught.value)
