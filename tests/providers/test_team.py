"""A team of four providers, each by its own SDK, in one command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from massgraph.nodes.state import no_usage

ROOT = Path(__file__).parents[2]
QUESTION = "Why do rivers rise?"
PROVIDERS = {"gpt": "openai", "claude": "claude", "gemini": "gemini", "grok": "grok"}
"""The agents of the example, and who answers for each."""


@pytest.fixture(scope="module")
def ran() -> subprocess.CompletedProcess[str]:
    """Run the example against servers on this machine, as a user would."""
    command = ("massgraph", "run", "--json", "-c", "examples/four_providers.yaml", QUESTION)
    return subprocess.run(
        [sys.executable, "-m", "tests.wire", "--", sys.executable, "-m", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def result(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the result on stdout."""
    assert ran.returncode == 0, ran.stderr
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


def test_the_team_settles(result: dict[str, Any]) -> None:
    """All four answer and vote, and the winner presents."""
    assert (result["outcome"], result["presented"]) == ("settled", "present")
    assert result["failures"] == {}
    assert set(result["answers"]) <= set(PROVIDERS)
    assert {vote["voter"] for vote in result["votes"]} == set(PROVIDERS)
    assert "rivers rise when it rains" in result["answer"]


def test_no_request_is_refused(ran: subprocess.CompletedProcess[str]) -> None:
    """The servers take what is sent, as the providers would; nobody is asked twice or warned."""
    assert "wire: refused" not in ran.stderr
    assert "warning" not in ran.stderr.lower()
    for agent, provider in PROVIDERS.items():
        assert f"{agent} ({provider} " in ran.stderr


def test_everybody_is_accounted_for(result: dict[str, Any]) -> None:
    """Each agent's tokens and price are known, and the total is their sum."""
    usage = dict(result["usage"])
    total = usage.pop("total")
    assert set(usage) == set(PROVIDERS)
    for used in usage.values():
        assert used["calls"] >= 2
        assert used["retries"] == used["stopped"] == 0
        assert 0 < used["cached_tokens"] < used["input_tokens"]
        assert 0 < used["reasoning_tokens"] < used["output_tokens"]
        assert used["cost_usd"] > 0
    sums = {key: sum(used[key] for used in usage.values()) for key in no_usage()}
    assert total == pytest.approx(sums)
