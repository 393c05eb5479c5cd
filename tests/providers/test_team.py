"""A team of four providers, each by its own SDK, in one command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from massgraph.cli import main
from massgraph.nodes.state import no_usage

from ..made import ROOT, made
from ..wire.__main__ import environment
from ..wire.brain import brain
from ..wire.server import LoopbackServer

QUESTION = "Why do rivers rise?"
PROVIDERS = {"gpt": "openai", "claude": "claude", "gemini": "gemini", "grok": "grok"}
"""The agents of the example, and who answers for each."""
RUN = ("run", "--json", "-c", "examples/four_providers.yaml", QUESTION)


def test_a_team_of_four_settles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All four answer and vote, the winner presents, and each one's tokens and price are known."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with LoopbackServer(brain) as server:
        for name, value in environment(server).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main(RUN)
    said = capsys.readouterr()
    assert (left.value.code, server.refused) == (0, []), said.err
    check(said.out, said.err)


@pytest.mark.soak
@pytest.mark.timeout(150)
def test_make_lets_them_settle() -> None:
    """The same in one command of make, in processes of their own."""
    ran = subprocess.run(
        command(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    check(ran.stdout, ran.stderr)


def command() -> list[str]:
    """Return `make providers`; where the environment is another than make's, what it does."""
    if made():
        return ["make", "-s", f"VENV={sys.prefix}", "providers", f"QUESTION={QUESTION}"]
    return [sys.executable, "-m", "tests.wire", "--", sys.executable, "-m", "massgraph", *RUN]


def check(printed: str, told: str) -> None:
    """Assert what holds for the result and for what stderr tells."""
    result = json.loads(printed)
    check_settled(result)
    check_usage(result["usage"])
    check_requests(told)


def check_settled(result: Mapping[str, Any]) -> None:
    """Assert that everybody took part, and nobody failed."""
    assert (result["outcome"], result["presented"]) == ("settled", "present")
    assert result["failures"] == {}
    assert set(result["answers"]) == set(PROVIDERS)
    assert {vote["voter"] for vote in result["votes"]} == set(PROVIDERS)
    assert "rivers rise when it rains" in result["answer"]


def check_usage(usage: Mapping[str, Mapping[str, Any]]) -> None:
    """Assert that everything each agent used is known, and that the total is the sum."""
    used = {agent: usage[agent] for agent in usage if agent != "total"}
    assert set(used) == set(PROVIDERS)
    for one in used.values():
        assert one["calls"] >= 2
        assert one["retries"] == one["stopped"] == one["wasted_tokens"] == 0
        assert 0 < one["cached_tokens"] < one["input_tokens"]
        assert 0 < one["reasoning_tokens"] < one["output_tokens"]
        assert one["cost_usd"] > 0
    sums = {key: sum(one[key] for one in used.values()) for key in no_usage()}
    assert usage["total"] == pytest.approx(sums)


def check_requests(told: str) -> None:
    """Assert that the servers took what was sent, and that stderr tells of each provider."""
    assert "wire: refused" not in told
    assert "warning" not in told.lower()
    for agent, provider in PROVIDERS.items():
        assert f"{agent} ({provider} " in told
        assert re.search(rf"^{agent} +: +[2-9]  .*  \$0\.\d{{4}}$", told, re.MULTILINE)
