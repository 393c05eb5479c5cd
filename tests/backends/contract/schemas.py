"""The contract: a reply that fits a JSON schema."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from massgraph.backends.base import LLMBackend
from massgraph.backends.chunks import StreamChunk
from massgraph.backends.errors import BackendError, BadRequestError
from massgraph.backends.fold import fold
from tests.wire.turn import HttpError

from .asking import QUESTION, WEATHER
from .harness import Part


class Source(BaseModel):
    """Where something was found."""

    name: str
    year: int = Field(ge=1, le=9999)


class Verdict(BaseModel):
    """What was found: with a reference, a constant, a limit, and something that may be missing."""

    model_config = ConfigDict(title="The verdict: 9.9!")

    kind: Literal["verdict"]
    larger: Literal["9.9", "9.11"]
    best: Source = Field(description="The best of the sources.")
    sources: list[Source]
    note: str | None = Field(None, description="Anything else.")


SCHEMA = Verdict.model_json_schema()
FITTING = Verdict(
    kind="verdict", larger="9.9", best=Source(name="Euler", year=1748), sources=[]
).model_dump_json()


async def held(backend: LLMBackend, schema: Any = SCHEMA, *tools: Any) -> list[StreamChunk]:
    """Return all chunks of a call whose reply must fit a schema."""
    stream = backend.stream_with_tools(QUESTION, tools, output_schema=schema)
    return [chunk async for chunk in stream]


class Schemas(Part):
    """A reply can be held to a JSON schema."""

    @pytest.fixture(autouse=True)
    def _can(self, request: pytest.FixtureRequest) -> None:
        # Whoever inherits the whole contract has this fixture for all of it.
        if request.function.__name__ in vars(Schemas) and not self.harness.can.schema:
            pytest.skip("not schema")

    async def test_a_schema_holds_the_reply(self) -> None:
        """A reply that is asked for under a schema is a text that fits it, and ends as any."""
        with self.harness.minded(FITTING) as backend:
            try:
                assert backend.takes_output_schema
                turn = fold(await held(backend))
            finally:
                await backend.aclose()
        verdict = Verdict.model_validate_json(turn.text)
        assert verdict.kind == "verdict"
        assert (turn.finish_reason, turn.tool_calls) == ("stop", ())

    async def test_a_refused_schema(self) -> None:
        """A server that refuses the schema says why, and that is told."""
        self.harness.needs("statuses")
        refused = HttpError(status=400, message="Invalid schema: 'larger' is too large.")
        async with self.harness.opened(refused) as backend:
            with pytest.raises(BadRequestError, match="'larger' is too large"):
                fold(await held(backend))

    async def test_beside_tools(self) -> None:
        """Tools and a schema for the reply contradict each other; no request is made of them."""
        self.harness.needs("wire")
        with self.harness.minded(FITTING) as backend:
            with pytest.raises(BackendError, match="without tools"):
                await held(backend, SCHEMA, WEATHER)
            assert self.harness.sent == []
            await backend.aclose()
