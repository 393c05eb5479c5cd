"""Which replies count as a final answer: a text, a value that fits a type, or calls of tools."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from ..backends.base import LLMBackend, ToolSchema
from ..backends.fold import Turn
from .output import MisfitError, OutputType
from .templates import message

if TYPE_CHECKING:
    from langchain_core.messages import ToolCall


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer.

    Args:
        text: The answer, byte for byte.
        output: Its value, where a type is asked for.
        calls: The calls that the reply consists of, where calls are asked for.
        said: The text beside them.
    """

    text: str
    output: Any = None
    calls: tuple[ToolCall, ...] = ()
    said: str = ""

    def message(self, author: str) -> AIMessage:
        """Return the message that ends the run."""
        if self.calls:
            return AIMessage(self.said, name=author, tool_calls=list(self.calls))
        return AIMessage(self.text, name=author)


class FinalForm(ABC):
    """What a final answer looks like."""

    asked: str = ""
    """What the one who writes it is told of the form."""
    tools: Sequence[ToolSchema] = ()
    """What may be called."""
    mends: bool = True
    """Whether a reply that does not count is told what is wrong with it, once."""

    @abstractmethod
    def read(self, turn: Turn) -> Final:
        """Return the final answer of a reply.

        Raises:
            MisfitError: When it does not count.
        """

    def params(self, backend: LLMBackend) -> Mapping[str, Any]:
        """Return the parameters of the call."""
        return {}

    def output(self, stored: str) -> Any:
        """Return the value of a stored answer, None where it has none."""
        return None


class TextForm(FinalForm):
    """Any text."""

    mends = False

    def read(self, turn: Turn) -> Final:
        """Return the text."""
        if not turn.text.strip():
            raise MisfitError("no final text")
        return Final(turn.text)


class TypedForm(FinalForm):
    """A text that is a JSON value of a type.

    Args:
        type_: The type.
        own: Texts of a person's own: template -> text.
    """

    def __init__(self, type_: OutputType, own: Mapping[str, str]) -> None:
        self._type = type_
        schema = json.dumps(type_.schema, ensure_ascii=False)
        self.asked = message(own, "as_json", schema=schema)

    def read(self, turn: Turn) -> Final:
        """Return the text and its value."""
        if not turn.text.strip():
            raise MisfitError("no final text")
        return Final(turn.text, self._type.read(turn.text))

    def params(self, backend: LLMBackend) -> Mapping[str, Any]:
        """Hold the model to the schema, where its provider can."""
        schema = self._type.wire if backend.takes_output_schema else None
        return {} if schema is None else {"output_schema": schema}

    def output(self, stored: str) -> Any:
        """Return the value of a stored answer that happens to fit."""
        try:
            return self._type.read(stored)
        except MisfitError:
            return None


class CallForm(FinalForm):
    """Calls of these tools, of one at least, and of nothing else.

    Args:
        tools: The tools.
        own: Texts of a person's own: template -> text.
    """

    def __init__(self, tools: Sequence[ToolSchema], own: Mapping[str, str]) -> None:
        self.tools = tuple(tools)
        self._names = [tool.name for tool in self.tools]
        named = " or ".join(f"`{name}`" for name in self._names)
        self.asked = message(own, "as_call", tools=named)

    def read(self, turn: Turn) -> Final:
        """Return the calls, and what they say."""
        names = [call["name"] for call in turn.tool_calls]
        if not names:
            raise MisfitError("It calls no tool.")
        for name in names:
            if name not in self._names:
                raise MisfitError(f"There is no tool {name!r}.")
        calls = turn.tool_calls
        text = turn.text if turn.text.strip() else _longest(calls)
        return Final(text, calls=calls, said=turn.text)


def _longest(calls: Sequence[ToolCall]) -> str:
    """Return the longest text among the arguments: of a new answer, the answer."""
    texts = [value for call in calls for value in call["args"].values() if isinstance(value, str)]
    return max(texts, key=len, default="")
