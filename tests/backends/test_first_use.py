"""The first use of a provider: its SDK is imported late, and beside everything else."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
from massgraph.backends.registry import build_backend

backend = build_backend({spec!r}, api_key="k", base_url="http://127.0.0.1:9")
assert {sdk!r} not in sys.modules, "imported before it is needed"

async def main():
    loop, ticks = asyncio.get_running_loop(), 0
    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1
    ticking = asyncio.create_task(tick())
    said = []
    try:
        async for chunk in backend.stream_with_tools([], ()):
            said.append(chunk.type)
    except Exception as exc:
        said.append(type(exc).__name__)
    ticking.cancel()
    await backend.aclose()
    assert {sdk!r} in sys.modules
    print(ticks, *said)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("spec", "sdk"),
    [
        ("openai:gpt-5.4", "openai"),
        ("claude:claude-sonnet-5", "anthropic"),
        ("gemini:gemini-3.8-flash", "google.genai"),
        ("grok:grok-4.5", "openai"),
        ("chat_completions:m", "openai"),
    ],
)
def test_an_sdk_is_imported_late_and_off_the_loop(spec: str, sdk: str) -> None:
    """The SDK is there once a call needs it, and the loop turns while it is imported."""
    program = PROGRAM.format(spec=spec, sdk=sdk)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    ticks, first, *rest = ran.stdout.split()
    assert int(ticks) > 10, ran.stdout
    assert first == "agent_status", "there was no sign of life"
    assert rest[-1] == "BackendConnectionError"
