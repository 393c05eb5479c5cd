"""A backend that plays turns from a script: for demonstrations and tests without a network.

It is an ordinary backend, and the only one that knows the names of the two actions.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .base import LLMBackend, ToolSchema
from .chunks import (
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from .errors import BackendError, BackendErrorKind, BadRequestError, UserError, error_class
from .later import Later
from .usage import TokenUsage, estimate_tokens

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")

When = Literal["no_answers", "answers", "present"]
ScriptedError = Literal[
    "auth", "rate_limit", "overloaded", "timeout", "bad_request", "incomplete_stream"
]
PIECE = 8
"""Characters in a chunk: small enough that a display has something to show."""

_NUMBER = re.compile(r"\d+")
_ENDINGS = ("new_answer", "vote", "tool_calls", "error", "raises", "hang")


class ScriptedToolCall(BaseModel):
    """A tool call of a scripted turn; `args` may be a string, to script malformed JSON.

    Args:
        name: The tool's name.
        args: Its arguments.
        id: The call's id; made up if left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    args: dict[str, Any] | str = Field(default_factory=dict)
    id: str | None = None


class ScriptedTurn(BaseModel):
    """One turn of a script: optional text, then at most one ending.

    Args:
        delay: Seconds before anything is sent.
        reasoning: Reasoning to stream.
        text: Text to stream; of a presenting turn, the final answer.
        new_answer: Ends the turn with this answer.
        vote: Ends the turn with a vote for this label, or for the `first` or `last` label; or with
            a ranking of these, the best first.
        reason: The vote's reason.
        tool_calls: Ends the turn with these calls.
        error: Ends the turn with a provider's error, after the text if there is any.
        raises: Ends the turn by raising this (from Python only).
        hang: Ends the turn by never ending.
        when: The calls that may play this turn; left out, every call but presenting.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True
    )

    delay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    reasoning: str = ""
    text: str = ""
    new_answer: str | None = None
    vote: str | Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    reason: str = ""
    tool_calls: tuple[ScriptedToolCall, ...] = Field(default=(), strict=False)
    error: ScriptedError | BackendError | None = None
    raises: Exception | None = None
    hang: bool = False
    when: When | None = None

    @model_validator(mode="after")
    def _one_ending(self) -> Self:
        given = [name for name in _ENDINGS if getattr(self, name) not in (None, (), False)]
        if len(given) > 1:
            raise ValueError(f"a turn ends in one way, not in {' and '.join(given)}")
        if self.reason and self.vote is None:
            raise ValueError("reason goes with vote")
        return self


class ScriptedOptions(BaseModel):
    """What a config says of a scripted backend."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    turns: list[ScriptedTurn] = Field(min_length=1)
    model: str = "script"


class ScriptedBackend(LLMBackend):
    """Plays turns from a script.

    Each call plays the first turn that has not been played yet and whose `when` holds; when none
    is left, the last turn whose `when` holds is played again. A turn that was begun counts as
    played.

    Args:
        turns: The script; mappings are read as `ScriptedTurn`s.
        model: A name for displays.

    Raises:
        UserError: When the script is empty or a turn is not one.
    """

    config_options = ScriptedOptions
    takes_output_schema = True  # what fits it is for the script to say

    def __init__(
        self,
        turns: Sequence[ScriptedTurn | Mapping[str, Any]],
        model: str = "script",
    ) -> None:
        super().__init__()
        if not turns:
            raise UserError("A scripted backend needs at least one turn.")
        self.model = model
        self._turns = [_turn(number, turn) for number, turn in enumerate(turns)]
        self._played: set[int] = set()
        self._last_answer: str | None = None
        self.calls = 0
        """Calls begun."""

    def afresh(self) -> ScriptedBackend:
        """Return a backend of its own that plays the script from its beginning."""
        return ScriptedBackend(self._turns, self.model)

    def rewind(self) -> None:
        """Play the script from its beginning again."""
        self._played.clear()
        self._last_answer = None

    @property
    def provider_name(self) -> str:
        """`scripted`."""
        return "scripted"

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return 0: nobody charges for it."""
        return 0.0

    async def stream_with_tools(
        self,
        messages: Sequence[lc.AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Play the next turn."""
        self.calls += 1
        turn = self._next_turn(tools)
        await asyncio.sleep(turn.delay)
        sent = 0
        for chunk in self._chunks(turn, tools):
            sent += _chars(chunk)
            yield chunk
            await asyncio.sleep(0)
        if turn.hang:
            await asyncio.Event().wait()
        if turn.raises is not None:
            raise turn.raises
        if turn.error is not None:
            yield ErrorChunk(_error(turn.error))
            return
        calls = _calls(turn, tools)
        for call in calls:
            if call.name == "new_answer" and isinstance(call.args, dict):
                self._last_answer = str(call.args.get("content", ""))
        usage = TokenUsage(
            input_tokens=estimate_tokens(sum(len(message.text) for message in messages)),
            output_tokens=estimate_tokens(sent),
        )
        self.track_usage(usage)
        yield UsageChunk(usage)
        yield DoneChunk("tool_calls" if calls else "stop")

    def _next_turn(self, tools: Sequence[ToolSchema]) -> ScriptedTurn:
        when = _when(tools)
        fitting = [
            number
            for number, turn in enumerate(self._turns)
            if turn.when == when or (turn.when is None and when != "present")
        ]
        if not fitting:
            if when == "present" and self._last_answer is not None:
                return ScriptedTurn(text=self._last_answer, when="present")
            raise BadRequestError(f"The script has no turn for this call ({when}).")
        fresh = [number for number in fitting if number not in self._played]
        number = fresh[0] if fresh else fitting[-1]
        self._played.add(number)
        return self._turns[number]

    def _chunks(self, turn: ScriptedTurn, tools: Sequence[ToolSchema]) -> Iterator[StreamChunk]:
        for piece in _pieces(turn.reasoning):
            yield ReasoningChunk(piece)
        for piece in _pieces(turn.text):
            yield ContentChunk(piece)
        for index, call in enumerate(_calls(turn, tools)):
            text = call.args if isinstance(call.args, str) else _json(call.args)
            call_id = call.id or f"call_{self.calls}_{index}"
            yield ToolCallDeltaChunk(index, id=call_id, name=call.name)
            for piece in _pieces(text):
                yield ToolCallDeltaChunk(index, arguments=piece)


def _turn(number: int, turn: ScriptedTurn | Mapping[str, Any]) -> ScriptedTurn:
    if isinstance(turn, ScriptedTurn):
        return turn
    try:
        return ScriptedTurn.model_validate(turn)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"turns[{number}]{'.' if where else ''}{where}: {first['msg']}") from exc


def _when(tools: Sequence[ToolSchema]) -> When:
    names = {tool.name for tool in tools}
    if not names & {"new_answer", "vote"}:
        return "present"
    return "answers" if "vote" in names else "no_answers"


def _calls(turn: ScriptedTurn, tools: Sequence[ToolSchema]) -> tuple[ScriptedToolCall, ...]:
    if turn.new_answer is not None:
        return (ScriptedToolCall(name="new_answer", args={"content": turn.new_answer}),)
    if turn.vote is not None:
        args = {**_choice(turn.vote, tools), "reason": turn.reason}
        return (ScriptedToolCall(name="vote", args=args),)
    return turn.tool_calls


def _choice(wanted: str | tuple[str, ...], tools: Sequence[ToolSchema]) -> dict[str, Any]:
    """Return the label, or the ranking where the tool or the script wants one, as an argument."""
    asked: dict[str, Any] = {}
    for tool in tools:
        if tool.name == "vote":
            asked = tool.parameters["properties"]
    ranked = "ranking" in asked
    labels = asked["ranking"]["items"] if ranked else asked.get("agent_id", {})
    ordered = sorted(labels.get("enum", ()), key=lambda label: [*map(int, _NUMBER.findall(label))])
    if isinstance(wanted, str) and not ranked:
        return {"agent_id": _label(wanted, ordered)}
    return {
        "ranking": [_label(w, ordered) for w in ([wanted] if isinstance(wanted, str) else wanted)]
    }


def _label(wanted: str, labels: Sequence[str]) -> str:
    if labels and wanted in ("first", "last"):
        return labels[0] if wanted == "first" else labels[-1]
    return wanted


def _error(error: BackendErrorKind | BackendError) -> BackendError:
    if isinstance(error, BackendError):
        return error
    return error_class(error)(f"Scripted error: {error}.")


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]


def _json(args: Mapping[str, Any]) -> str:
    return json.dumps(args, ensure_ascii=False)


def _chars(chunk: StreamChunk) -> int:
    match chunk:
        case ContentChunk() | ReasoningChunk():
            return len(chunk.content)
        case ToolCallDeltaChunk():
            return len(chunk.arguments)
        case _:
            return 0
