"""The embedded model: whether its engine and weights are there, and whether it answers."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from ..backends.errors import MassgraphError
from ..catalogue import local_missing
from .check import Check

NAME = "embedded model"
QUESTION = "What is the capital of France? Answer in one word."


def embedded(deep: bool) -> Check:
    """Return whether the embedded model is there; if it is, and asked for, whether it answers."""
    lacks = local_missing()
    if lacks is not None:
        return Check(NAME, "ok", "not installed", f"to have it: {lacks}")
    if not deep:
        return Check(NAME, "ok", "engine and weights are there", "--deep asks it a question")
    began = time.monotonic()
    try:
        answer = asyncio.run(_asked())
    except MassgraphError as exc:
        return Check(NAME, "problem", str(exc))
    seconds = time.monotonic() - began
    if not answer.strip():
        return Check(NAME, "problem", "it gives no answer", "install the extra `local` anew")
    return Check(NAME, "ok", f"it answers in {seconds:.1f} s: {' '.join(answer.split())[:60]!r}")


async def _asked() -> str:
    from langchain_core.messages import HumanMessage

    from ..backends.local import LocalBackend

    backend = LocalBackend(max_tokens=16, seed=1)
    try:
        async with aclosing(backend.stream_with_tools([HumanMessage(QUESTION)], [])) as chunks:
            return "".join([chunk.content async for chunk in chunks if chunk.type == "content"])
    finally:
        await backend.aclose()
