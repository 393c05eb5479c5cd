"""What every backend must fulfil, as tests to inherit.

    class TestMine(BackendContract):
        harness = MyHarness()

A harness opens backends that say what a list of `ScriptedTurn`s tells them to. A backend that
cannot be told what to say sets `scriptable = False`, and is spared the tests that need it.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, cast, get_args

import pytest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
)
from massgraph.backends.errors import BackendError, RateLimitError
from massgraph.backends.fold import Turn, fold
from massgraph.backends.scripted import ScriptedToolCall, ScriptedTurn

TEXT = "Grüße, 世界 🙂👩‍👩‍👧 \\n is no newline, **bold** stays,\n\ttabs\r\nand  spaces too. "
LONG = "A long answer, so that there is something left to stop. " * 40
QUESTION: list[AnyMessage] = [SystemMessage("Be brief."), HumanMessage("What is larger?")]
WEATHER = ToolSchema(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


class Harness(ABC):
    """How the contract gets at a backend and looks at its provider."""

    scriptable: ClassVar[bool] = True
    """Whether `open` makes the backend say just what the turns hold."""
    patience_s: ClassVar[float] = 1.0
    """Seconds that stopping a call may take."""

    @abstractmethod
    def open(self, *turns: ScriptedTurn) -> AbstractContextManager[LLMBackend]:
        """Return a backend that plays these turns, without a running loop."""

    async def assert_stopped(self) -> None:
        """Assert that the provider knows that its call was stopped."""

    async def assert_released(self) -> None:
        """Assert that the provider holds nothing for the closed backend any more."""


class BackendContract:
    """The contract; see the module."""

    harness: ClassVar[Harness]

    @pytest.fixture
    def scriptable(self) -> None:
        """Skip for a backend that cannot be told what to say."""
        if not self.harness.scriptable:
            pytest.skip("cannot be told what to say")

    def test_names_itself(self) -> None:
        """A backend has a provider's name and a model's, known without a running loop."""
        with self.harness.open(ScriptedTurn(text="hi")) as backend:
            assert backend.provider_name
            assert backend.model

    async def test_ends_in_one_done(self) -> None:
        """A turn that succeeds ends in one done, and holds nothing but chunks and no error."""
        with self.harness.open(ScriptedTurn(text=LONG)) as backend:
            chunks = await collect(backend)
            await backend.aclose()
        assert all(isinstance(chunk, get_args(StreamChunk)) for chunk in chunks)
        assert [chunk.type for chunk in chunks].count("done") == 1
        assert isinstance(chunks[-1], DoneChunk)
        assert not any(isinstance(chunk, ErrorChunk) for chunk in chunks)

    @pytest.mark.usefixtures("scriptable")
    async def test_text_is_byte_exact(self) -> None:
        """Text and reasoning come through as they were sent, in more than one chunk."""
        with self.harness.open(ScriptedTurn(reasoning="Hm, 🤔…", text=TEXT)) as backend:
            chunks = await collect(backend)
            await backend.aclose()
        turn = fold(chunks)
        assert turn.text == TEXT
        assert turn.reasoning == "Hm, 🤔…"
        assert turn.finish_reason == "stop"
        assert sum(isinstance(chunk, ContentChunk) for chunk in chunks) > 1

    @pytest.mark.usefixtures("scriptable")
    async def test_tool_calls(self) -> None:
        """Tool calls come through with their arguments, each with an id of its own."""
        calls = (
            ScriptedToolCall(name="weather", args={"city": TEXT}),
            ScriptedToolCall(name="weather", args={"city": "", "days": [1, 2.5, None, True]}),
        )
        with self.harness.open(ScriptedTurn(text="Let me see.", tool_calls=calls)) as backend:
            turn = fold(await collect(backend, WEATHER))
            await backend.aclose()
        assert turn.text == "Let me see."
        assert [(call["name"], call["args"]) for call in turn.tool_calls] == [
            (call.name, call.args) for call in calls
        ]
        assert len({call["id"] for call in turn.tool_calls}) == 2
        assert turn.finish_reason == "tool_calls"

    async def test_takes_a_conversation_with_tool_results(self) -> None:
        """A conversation with tool calls and their results is accepted, errors included."""
        with self.harness.open(ScriptedTurn(text="Rain, then.")) as backend:
            first = ToolCall(name="weather", args={"city": "Ulm"}, id="a", type="tool_call")
            second = ToolCall(name="weather", args={"city": "Xx"}, id="b", type="tool_call")
            messages: list[AnyMessage] = [
                *QUESTION,
                AIMessage("", tool_calls=[first, second]),
                backend.tool_result_message(first, "Rain."),
                backend.tool_result_message(second, "No such city.", error=True),
                AIMessage("It rains in Ulm."),
                HumanMessage("Are you sure?"),
            ]
            turn = fold(await collect(backend, WEATHER, messages=messages))
            await backend.aclose()
        assert turn.text or turn.tool_calls
        assert isinstance(messages[3], ToolMessage)
        assert backend.tool_result_content(messages[3]) == "Rain."

    async def test_usage_is_reported_and_added_up(self) -> None:
        """Each call reports its tokens, and the backend counts them until it is reset."""
        with self.harness.open(ScriptedTurn(text="Some words, to be counted.")) as backend:
            first = fold(await collect(backend)).usage
            second = fold(await collect(backend)).usage
            await backend.aclose()
        assert first is not None
        assert second is not None
        assert first.input_tokens > 0
        assert first.output_tokens > 0
        assert backend.token_usage == first + second
        backend.reset_token_usage()
        assert backend.token_usage.output_tokens == 0

    @pytest.mark.usefixtures("scriptable")
    async def test_a_failure_is_the_last_thing(self) -> None:
        """A turn that fails ends in the right error, after what was said, and without done."""
        with self.harness.open(ScriptedTurn(text="Well, " * 9, error="rate_limit")) as backend:
            chunks, error = await collect_failing(backend)
            await backend.aclose()
        assert isinstance(error, RateLimitError)
        assert any(isinstance(chunk, ContentChunk) for chunk in chunks)
        assert not any(isinstance(chunk, DoneChunk | ErrorChunk) for chunk in chunks)

    async def test_closing_the_stream_stops_the_call(self) -> None:
        """Closing the iterator in the middle stops the call at the provider, at once."""
        with self.harness.open(ScriptedTurn(text=LONG, hang=True)) as backend:
            stream = call(backend)
            await first_words(stream)
            began = time.perf_counter()
            await stream.aclose()
            assert time.perf_counter() - began < self.harness.patience_s
            await self.harness.assert_stopped()
            await backend.aclose()

    async def test_cancelling_the_task_stops_the_call(self) -> None:
        """Cancelling the task that reads stops the call, and the cancellation goes on upwards."""
        with self.harness.open(ScriptedTurn(text=LONG, hang=True)) as backend:
            talking = asyncio.Event()
            task = asyncio.create_task(listen(backend, talking))
            await asyncio.wait_for(talking.wait(), 30)
            began = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.perf_counter() - began < self.harness.patience_s
            await self.harness.assert_stopped()
            await backend.aclose()

    @pytest.mark.usefixtures("scriptable")
    async def test_cancelling_while_the_provider_is_silent(self) -> None:
        """A provider that says nothing at all can be left at once, too."""
        with self.harness.open(ScriptedTurn(hang=True)) as backend:
            await backend.prepare()
            task = asyncio.create_task(collect(backend))
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.perf_counter() - began < self.harness.patience_s
            await self.harness.assert_stopped()
            await backend.aclose()

    async def test_works_after_a_stopped_call(self) -> None:
        """A stopped call leaves the backend fit for the next one."""
        with self.harness.open(
            ScriptedTurn(text=LONG, hang=True), ScriptedTurn(text="Again.")
        ) as backend:
            stream = call(backend)
            await first_words(stream)
            await stream.aclose()
            turn = fold(await collect(backend))
            await backend.aclose()
        assert turn.text

    async def test_calls_at_the_same_time(self) -> None:
        """One backend serves several calls at once, and mixes up nothing."""
        texts = [f"Answer number {number}. " * 5 for number in range(5)]
        turns = [ScriptedTurn(text=text) for text in texts]
        with self.harness.open(*turns) as backend:
            got = await asyncio.gather(*(collect(backend) for _ in turns))
            await backend.aclose()
        said = [fold(chunks).text for chunks in got]
        assert all(said)
        if self.harness.scriptable:
            assert sorted(said) == texts

    def test_two_event_loops(self) -> None:
        """One backend serves two event loops, one after the other."""

        async def once(backend: LLMBackend) -> Turn:
            turn = fold(await collect(backend))
            await backend.aclose()
            return turn

        with self.harness.open(ScriptedTurn(text="Hello.")) as backend:
            assert asyncio.run(once(backend)).text
            assert asyncio.run(once(backend)).text

    async def test_closing_leaves_nothing(self) -> None:
        """After aclose no task is left, and the provider holds no connection any more."""
        before = asyncio.all_tasks()
        with self.harness.open(ScriptedTurn(text=LONG, hang=True)) as backend:
            stopped = call(backend)
            await first_words(stopped)
            await stopped.aclose()
            await backend.aclose()
            await backend.aclose()  # closing twice does no harm
            await self.harness.assert_released()
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == before

    async def test_opens_again_after_closing(self) -> None:
        """A closed backend opens again when it is called."""
        with self.harness.open(ScriptedTurn(text="Hello.")) as backend:
            await backend.prepare()
            await backend.aclose()
            turn = fold(await collect(backend))
            await backend.aclose()
        assert turn.text


def call(backend: LLMBackend, *tools: ToolSchema) -> AsyncGenerator[StreamChunk]:
    """Begin a call, and return its stream."""
    stream = backend.stream_with_tools(QUESTION, tools)
    assert hasattr(stream, "aclose")
    return cast("AsyncGenerator[StreamChunk]", stream)


async def collect(
    backend: LLMBackend, *tools: ToolSchema, messages: Sequence[AnyMessage] = QUESTION
) -> list[StreamChunk]:
    """Return all chunks of one call."""
    return [chunk async for chunk in backend.stream_with_tools(messages, tools)]


async def collect_failing(backend: LLMBackend) -> tuple[list[StreamChunk], BackendError]:
    """Return the chunks before the error, and the error, be it raised or told in a chunk."""
    chunks: list[StreamChunk] = []
    try:
        async for chunk in backend.stream_with_tools(QUESTION, ()):
            chunks.append(chunk)  # noqa: PERF401 - what came before the error is kept
    except BackendError as error:
        return chunks, error
    last = chunks.pop()
    assert isinstance(last, ErrorChunk), "the call neither raised nor ended in an error"
    return chunks, last.error


async def first_words(stream: AsyncIterator[StreamChunk]) -> None:
    """Read until the model has begun to talk."""
    async with asyncio.timeout(30):
        while not _is_speech(await anext(stream)):
            pass


async def listen(backend: LLMBackend, talking: asyncio.Event) -> None:
    """Read a call to its end, and tell when the model has begun to talk."""
    async for chunk in backend.stream_with_tools(QUESTION, ()):
        if _is_speech(chunk):
            talking.set()


def _is_speech(chunk: StreamChunk) -> bool:
    return isinstance(chunk, ContentChunk | ReasoningChunk | ToolCallDeltaChunk | ToolCallsChunk)
