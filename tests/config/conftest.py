"""What the tests of configs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from massgraph.config import ConfigError, TeamConfig, load_config

Load = Callable[..., TeamConfig]
Refused = Callable[..., list[str]]

AGENT = "{id: a, backend: {type: scripted, turns: [{new_answer: x}]}}"
"""An agent that is right."""
TEAM = f"agents: [{AGENT}]\n"
"""A config that is right, on one line: what a test adds begins in line 2."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without keys in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Load a config's text from a file."""

    def load(text: str | bytes, *overrides: str, name: str = "team.yaml") -> TeamConfig:
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(data)
        return load_config(name, overrides)

    return load


@pytest.fixture
def refused(load: Load) -> Refused:
    """Return the problems of a config's text, without the file's name."""

    def refused(text: str | bytes, *overrides: str, name: str = "team.yaml") -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, *overrides, name=name)
        assert str(caught.value).splitlines() == [str(p) for p in caught.value.problems]
        return [str(problem).removeprefix(f"{name}:") for problem in caught.value.problems]

    return refused
