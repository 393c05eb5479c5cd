"""`massgraph models`: what there is to ask, and what it costs."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest

from massgraph.backends.prices import Tariff
from massgraph.backends.provider import PROVIDERS
from massgraph.backends.vendors import VENDORS
from massgraph.catalogue import known_models
from massgraph.cli.output import Stdout
from massgraph.config.starter import DEFAULT_MODELS

from .conftest import Cli


@pytest.fixture(autouse=True)
def keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no key set, whoever runs the tests."""
    for vendor in VENDORS:
        for name in vendor.key_variables:
            monkeypatch.delenv(name, raising=False)


def test_a_table_that_other_programs_read(cli: Cli) -> None:
    """Off a terminal each cell is a word, and nothing is coloured."""
    ended = cli("models", "claude-opus")
    lines = ended.out.decode().splitlines()
    assert ended.status == 0
    assert lines[0].split() == ["model", "context", "input", "cached", "output", "tools", "ready"]
    assert all(len(line.split()) == 7 for line in lines)
    assert all(line.split()[-1] == "no" for line in lines[1:])
    assert ended.err == "claude: set ANTHROPIC_API_KEY\n"
    assert "\x1b" not in ended.out.decode()


def test_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object a line; a price that nobody has told is null, and what is free is 0."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-Zq123456789")
    found = {one["name"]: one for one in cli("models", "--json").events}
    assert found["o1-pro"]["cached_usd"] is None
    assert found["SmolLM2-135M-Instruct"]["input_usd"] == 0
    assert (found["gpt-5.4"]["ready"], found["gpt-5.4"]["key"]) == (True, "OPENAI_API_KEY")
    assert found["gpt-5.4"]["tiered"]
    assert not found["grok-4.7"]["ready"]
    assert "Zq1" not in str(found)


def test_prices_are_those_that_are_charged() -> None:
    """A million tokens of each proposed model cost in a run what the table says."""
    found = {one.spec: one for one in known_models()}
    for name, model in DEFAULT_MODELS.items():
        told = found[f"{name}:{model}"]
        tariff = Tariff(model, provider=PROVIDERS[name].prices)
        assert told.input_usd == pytest.approx((tariff.cost({"input_tokens": 1000}) or 0) * 1000)
        assert told.output_usd == pytest.approx((tariff.cost({"output_tokens": 1000}) or 0) * 1000)
        assert "web_search" in told.tools


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("smol",), ["local:SmolLM2-135M-Instruct"]),
        (("GPT-6.1-*",), ["openai:gpt-6.1-sol", "openai:gpt-6.1-terra"]),
        (("grok:grok-4.7",), ["grok:grok-4.7"]),
        (("--provider", "claude", "opus-5-"), ["claude:claude-opus-5-5"]),
        (("--provider", "deepseek", "chat"), ["deepseek:deepseek-chat"]),
        (("--all", "gpt-image-2"), None),
    ],
)
def test_what_is_looked_for(words: tuple[str, ...], found: list[str] | None, cli: Cli) -> None:
    """By a part of the name, by a pattern, by the provider; what draws, only if it is wanted."""
    ended = cli("models", *words)
    shown = [line.split()[0] for line in ended.out.decode().splitlines()[1:]]
    assert ended.status == 0
    assert shown == found if found is not None else "openai:gpt-image-2" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gpt-image-2",), "No known model matches. It is shown with --all."),
        (("nothing-like-it",), "No known model matches. `massgraph models` lists them."),
        (("--provider", "opnai"), "did you mean 'openai'?"),
        (("--provider", "ollama"), "No known model matches."),
    ],
)
def test_nothing_found(words: tuple[str, ...], said: str, cli: Cli) -> None:
    """It is said what to do about it."""
    ended = cli("models", *words)
    assert (ended.status, ended.out) == (2, b"")
    assert said in ended.err


@pytest.mark.parametrize(
    ("wide", "headings"),
    [
        (120, "model context input cached output tools ready"),
        (84, "model context input cached output tools ready"),
        (60, "model input output ready"),
    ],
)
def test_a_narrow_terminal(
    wide: int, headings: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns are left out, the least important first; no price loses a digit."""
    monkeypatch.setattr(Stdout, "is_terminal", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", str(wide))
    monkeypatch.setenv("TERM", "xterm")
    shown = re.sub("\x1b\\[[0-9;]*m", "", cli("models", "sonnet").out.decode())
    heading, *rows = shown.splitlines()
    assert heading.split() == headings.split()
    for row in rows:
        cells = dict(zip(headings.split(), row.split(), strict=True))
        assert len(row) <= wide
        assert not any("…" in cell for name, cell in cells.items() if name != "tools")


@pytest.mark.parametrize("colourless", [False, True])
def test_at_a_terminal(colourless: bool, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person gets a table as wide as the terminal, coloured unless NO_COLOR is set."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown: Any = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("TERM", "xterm-256color")
    if colourless:
        monkeypatch.setenv("NO_COLOR", "1")
    assert cli("models", "sonnet").status == 0
    assert "claude:claude-sonnet-5-5" in shown.getvalue()
    assert ("\x1b[" in shown.getvalue()) is not colourless or "\x1b[1m" in shown.getvalue()
    assert "\x1b[3" not in shown.getvalue()
