"""The events of a `/responses` stream, read as chunks.

Unknown events are ignored: the protocol grows. What a server does not stream in pieces is taken
from the whole item, and what it sends in both ways counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from ..chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from ..endpoint import Endpoint
from ..errors import IncompleteStreamError, RefusedError
from ..failures import frame_error
from ..openai_sdk.errors import OPENAI
from ..usage import TokenUsage
from .builtin import BuiltinUses, begun
from .echo import kept_message
from .wire import Ended, Item, ItemEvent, Piece, Response, Usage

_INCOMPLETE: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "refusal",
}


Priced = Callable[[Usage, Mapping[str, int], str | None], TokenUsage]
"""From the usage, the uses of builtin tools, and the service tier, to what is reported."""


_Reader = Callable[..., Iterator[StreamChunk]]


@dataclass(slots=True)
class _Call:
    """A function call while it is written."""

    name: str = ""
    written: str = ""


@dataclass(slots=True)
class _Said:
    """What was streamed so far, by its place in the output."""

    text: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    reasoning: set[int] = field(default_factory=set[int])
    calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    items: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])


class EventReader:
    """Reads the events of one response, in order.

    Args:
        at: The server, for messages.
        echo_key: Under which name the message is kept (see `echo`).
        uses: The uses of builtin tools.
        priced: What a call costs.
    """

    def __init__(self, at: Endpoint, echo_key: str, uses: BuiltinUses, priced: Priced) -> None:
        self._at, self._echo_key, self._uses, self._priced = at, echo_key, uses, priced
        self._said = _Said()
        self._refused = False
        self._finish: FinishReason | None = None
        self.events = 0
        """Events read."""

    @property
    def ended(self) -> bool:
        """Whether the terminal event has come."""
        return self._finish is not None

    def read(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        """Yield what an event says.

        Raises:
            BackendError: When it says that the response failed.
            pydantic.ValidationError: When something in it has the wrong type.
        """
        self.events += 1
        reader = self._readers.get(str(event.get("type")))
        if reader is not None:
            yield from reader(self, event)

    def done(self) -> DoneChunk:
        """Return the terminal chunk, once the stream has ended.

        Raises:
            IncompleteStreamError: When no event said that the response has ended.
        """
        if self._finish is None:
            raise IncompleteStreamError("The stream ended before the response did.")
        return DoneChunk(self._finish)

    # --- pieces ----------------------------------------------------------------------------------

    def _read_text(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        yield from self._text(piece.output_index, piece.content_index, piece.delta or "")

    def _read_refusal(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        self._refused = True
        yield from self._read_text(event)

    def _text(self, output: int, content: int, said: str) -> Iterator[StreamChunk]:
        if said:
            place = (output, content)
            self._said.text[place] = self._said.text.get(place, "") + said
            yield ContentChunk(said)

    def _read_annotation(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        self._uses.cite(Piece.model_validate(event).annotation)
        yield from ()

    def _read_reasoning(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        if piece.delta:
            self._said.reasoning.add(piece.output_index)
            yield ReasoningChunk(piece.delta)

    def _read_new_paragraph(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        if piece.summary_index and piece.output_index in self._said.reasoning:
            yield ReasoningChunk("\n\n")

    def _read_arguments(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        call = self._said.calls.setdefault(piece.output_index, _Call())
        said = piece.delta or ""
        if piece.arguments is not None:
            said = _rest(piece.arguments, call.written)
        if said:
            call.written += said
            yield ToolCallDeltaChunk(piece.output_index, arguments=said)

    # --- items -----------------------------------------------------------------------------------

    def _read_added(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        read = ItemEvent.model_validate(event)
        item = Item.model_validate(read.item)
        status = begun(item.type)
        if item.type == "function_call":
            yield from self._call(read.output_index, item)
        elif status:
            yield AgentStatusChunk(status)

    def _read_item(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        read = ItemEvent.model_validate(event)
        yield from self._whole_item(read.output_index, read.item)

    def _whole_item(self, index: int, raw: dict[str, Any]) -> Iterator[StreamChunk]:
        """Yield what an item holds and was not streamed: some servers stream no deltas."""
        item = Item.model_validate(raw)
        self._said.items[index] = raw
        match item.type:
            case "message":
                yield from self._message(index, item)
            case "function_call":
                yield from self._call(index, item)
                call = self._said.calls[index]
                missing = _rest(item.arguments or "", call.written)
                if missing:
                    call.written += missing
                    yield ToolCallDeltaChunk(index, arguments=missing)
            case "reasoning":
                if index not in self._said.reasoning:
                    parts = [part.text for part in item.summary or () if part.text]
                    if parts:
                        yield ReasoningChunk("\n\n".join(parts))
            case _:
                result = self._uses.result(raw)
                if result is not None:
                    yield BuiltinToolResultsChunk((result,))

    def _call(self, index: int, item: Item) -> Iterator[StreamChunk]:
        call = self._said.calls.setdefault(index, _Call())
        if item.name and not call.name:
            call.name = item.name
            yield ToolCallDeltaChunk(index, item.call_id, item.name)

    def _message(self, index: int, item: Item) -> Iterator[StreamChunk]:
        for number, part in enumerate(item.content or ()):
            self._refused = self._refused or bool(part.refusal)
            heard = self._said.text.get((index, number), "")
            yield from self._text(index, number, _rest(part.text or part.refusal or "", heard))
            for annotation in part.annotations or ():
                self._uses.cite(annotation)
        citations = self._uses.citations()
        if citations:
            yield BuiltinToolResultsChunk(citations)

    # --- the end ---------------------------------------------------------------------------------

    def _read_queued(self, _event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        yield AgentStatusChunk("waiting in the provider's queue")

    def _read_end(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        response = Ended.model_validate(event).response
        if not self._said.items:
            for index, item in enumerate(response.output or ()):
                yield from self._whole_item(index, item)
        yield from self._usage(response)
        whole = event["type"] == "response.completed" and response.incomplete_details is None
        finish = self._finished(response, complete=whole)
        yield from self._complete_message()
        yield CompleteResponseChunk(event["response"])
        self._finish = finish

    def _finished(self, response: Response, *, complete: bool) -> FinishReason:
        if not complete:
            why = response.incomplete_details
            finish = _INCOMPLETE.get((why and why.reason) or "", "other")
            if finish == "refusal" and not self._said.text and not self._said.calls:
                raise RefusedError(f"{self._at.shown} declined to answer: a filter stopped it.")
            return finish
        if self._refused:
            return "refusal"
        return "tool_calls" if self._said.calls else "stop"

    def _read_failed(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        response = Ended.model_validate(event).response
        yield from self._usage(response)
        self._fail(response.error or {})

    def _read_error(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        yield from ()
        self._fail(event)

    def _fail(self, error: Mapping[str, Any]) -> NoReturn:
        raise frame_error(error, self._at, OPENAI)

    def _usage(self, response: Response) -> Iterator[StreamChunk]:
        if response.usage is not None:
            counts = self._uses.counts()
            yield UsageChunk(self._priced(response.usage, counts, response.service_tier))

    def _complete_message(self) -> Iterator[StreamChunk]:
        items = [item for _, item in sorted(self._said.items.items())]
        text = "".join(text for _, text in sorted(self._said.text.items()))
        message = kept_message(self._echo_key, items, text)
        if message is not None:
            yield CompleteMessageChunk(message)

    _readers: ClassVar[Mapping[str, _Reader]] = {
        "error": _read_error,
        "response.completed": _read_end,
        "response.failed": _read_failed,
        "response.function_call_arguments.delta": _read_arguments,
        "response.function_call_arguments.done": _read_arguments,
        "response.incomplete": _read_end,
        "response.output_item.added": _read_added,
        "response.output_item.done": _read_item,
        "response.output_text.annotation.added": _read_annotation,
        "response.output_text.delta": _read_text,
        "response.queued": _read_queued,
        "response.reasoning_summary_part.added": _read_new_paragraph,
        "response.reasoning_summary_text.delta": _read_reasoning,
        "response.reasoning_text.delta": _read_reasoning,
        "response.refusal.delta": _read_refusal,
    }
    """Event -> what reads it."""


def _rest(whole: str, heard: str) -> str:
    """Return what is still missing; what was streamed counts where the two contradict."""
    return whole[len(heard) :] if whole.startswith(heard) else ""
