"""The first use of a provider: its SDK is imported late, and beside everything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MOST = 0.7
"""How much of a first call an import may hold the loop up for: it holds the GIL in bursts."""
RUNS = 3
"""The machine has other things to do: the best run of these counts."""

ALONE = """
import asyncio, json, sys
from massgraph.backends.registry import build_backend

backend = build_backend({spec!r}, api_key="k", base_url="http://127.0.0.1:9")
before = {sdk!r} in sys.modules

async def main():
    loop = asyncio.get_running_loop()
    gaps, last = [], loop.time()
    async def tick():
        nonlocal last
        while True:
            await asyncio.sleep(0.002)
            gaps.append(loop.time() - last)
            last = loop.time()
    ticking = asyncio.create_task(tick())
    said = []
    began = loop.time()
    try:
        async for chunk in backend.stream_with_tools([], ()):
            said.append(chunk.type)
    except Exception as exc:
        said.append(type(exc).__name__)
    took = loop.time() - began
    ticking.cancel()
    await backend.aclose()
    after = {sdk!r} in sys.modules
    print(json.dumps({{"gap": max(gaps) / took, "said": said, "before": before, "after": after}}))

asyncio.run(main())
"""

TEAM = """
import asyncio, json, sys
from massgraph import Agent, Policy, ScriptedBackend, Team
from tests.wire.brain import brain
from tests.wire.server import LoopbackServer

def loaded():
    sdk = sys.modules.get("anthropic")
    return sdk is not None and not sdk.__spec__._initializing

async def main():
    said = []
    with LoopbackServer(brain) as server:
        claude = {"type": "claude", "model": "claude-sonnet-5", "api_key": "k"}
        claude["base_url"] = server.origin
        script = ScriptedBackend([
            {"text": "Let me think. " * 9, "new_answer": "It rains.", "when": "no_answers"},
            {"vote": "first", "when": "answers"},
        ])
        agents = [Agent("late", claude), Agent("early", script)]
        async with Team(agents, Policy(max_answers_per_agent=1, final="reuse")) as team:
            run = team.start("Why do rivers rise?")
            async for event in run:
                if event.type in ("agent_text", "answer_text", "agent_status"):
                    said.append([event.agent, event.type, event.round, loaded()])
            result = (await run.result()).to_dict()
    print(json.dumps({"said": said, "result": result}))

asyncio.run(main())
"""


def ran(program: str) -> Any:
    """Return what a program prints in a process of its own, where nothing is imported yet."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("spec", "sdk"),
    [
        ("openai:gpt-5.4", "openai"),
        *(
            pytest.param(spec, sdk, marks=pytest.mark.soak)
            for spec, sdk in (
                ("claude:claude-sonnet-5", "anthropic"),
                ("gemini:gemini-3.8-flash", "google.genai"),
                ("grok:grok-4.5", "openai"),
                ("chat_completions:m", "openai"),
                ("langchain:openai:gpt-5.4", "langchain_openai"),
                ("langchain:anthropic:claude-sonnet-5", "langchain_anthropic"),
            )
        ),
    ],
)
def test_an_sdk_is_imported_late_and_off_the_loop(spec: str, sdk: str) -> None:
    """The SDK is there once a call needs it, and the loop turns while it is imported."""
    gaps: list[float] = []
    while len(gaps) < RUNS and min(gaps, default=MOST) >= MOST:
        seen = ran(ALONE.format(spec=spec, sdk=sdk))
        assert (seen["before"], seen["after"]) == (False, True)
        assert seen["said"][0] == "agent_status", "there was no sign of life"
        assert seen["said"][-1] == "BackendConnectionError"
        gaps.append(seen["gap"])
    assert min(gaps) < MOST


@pytest.mark.soak
def test_others_stream_while_an_sdk_is_imported() -> None:
    """In a team, who needs no SDK has said all it has to say before another's SDK is there."""
    seen = ran(TEAM)
    assert seen["result"]["outcome"] == "settled"
    assert seen["result"]["failures"] == {}
    first = [one for one in seen["said"] if one[2] == 1]
    early = [loaded for agent, _, _, loaded in first if agent == "early"]
    assert len(early) > 10
    assert not any(early)
    late = [(kind, loaded) for agent, kind, _, loaded in first if agent == "late"]
    assert ("agent_status", False) in late, "it was loaded at once, so nothing was shown"
    assert ("answer_text", True) in late
