"""A request to `/responses`, made from LangChain messages and tool schemas.

It is stateless: nothing is stored at the server, all that it must know is in the request. What
changes least comes first, so that providers find the beginning in their caches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..openai_sdk.strict_schema import is_strict
from ..prefix import split_stable
from ..tool_choice import ChoiceForm
from .input import input_items

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from ..base import ToolSchema


_CHOICES = ChoiceForm(
    {"auto": "auto", "any": "required", "none": "none"},
    lambda name: {"type": "function", "name": name},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """What is the same in all requests of a backend.

    Args:
        model: The model.
        echo_key: Under which name the own messages were kept (see `echo`).
        tools: The provider's own tools, as they go over the wire.
        include: What the server must add to its answer.
        system: A line behind the first system message, or one of its own where there is none.
        strict: Whether the server takes `strict` with a function.
        breakpoints: Whether the model's cache is looked up at explicit breakpoints alone.
    """

    model: str
    echo_key: str
    tools: tuple[Mapping[str, Any], ...] = ()
    include: tuple[str, ...] = ()
    system: str = ""
    strict: bool = True
    breakpoints: bool = False

    def body(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the body of a streaming request.

        Args:
            messages: The conversation.
            tools: What the model may call.
            params: Further keys of the body; what is None is left out. Their `tools` and
                `include` are added to those that are there; `tool_choice` may be a word of ours,
                or the name of a tool.

        Raises:
            BadRequestError: When a message is of a kind that the protocol does not have.
        """
        messages = self._with_system(messages)
        body: dict[str, Any] = {"model": self.model, "stream": True, "store": False}
        body["prompt_cache_key"] = cache_key(messages)
        if self.breakpoints:
            body["prompt_cache_options"] = {"mode": "explicit"}
        body["include"] = list(self.include)
        body["tools"] = [*map(dict, self.tools), *(self._function(tool) for tool in tools)]
        for name, value in params.items():
            added = name in ("tools", "include") and isinstance(value, list)
            body[name] = [*body[name], *cast("list[Any]", value)] if added else value
        body["tool_choice"] = _CHOICES.wire(body.get("tool_choice"), tools)
        body["input"] = input_items(messages, echo_key=self.echo_key, breakpoints=self.breakpoints)
        return {name: value for name, value in body.items() if value not in (None, [])}

    def _function(self, tool: ToolSchema) -> dict[str, Any]:
        function: dict[str, Any] = {"type": "function", "name": tool.name}
        if tool.description:
            function["description"] = tool.description
        function["parameters"] = dict(tool.parameters)
        if self.strict:
            # Left out, the server would make the schema strict by itself, and change it.
            function["strict"] = is_strict(tool.parameters)
        return function

    def _with_system(self, messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
        from langchain_core.messages import SystemMessage

        if not self.system:
            return messages
        if messages and messages[0].type == "system":
            first = SystemMessage(f"{messages[0].text}\n\n{self.system}")
            return [first, *messages[1:]]
        return [SystemMessage(self.system), *messages]


def cache_key(messages: Sequence[AnyMessage]) -> str:
    """Return what sends the requests of one conversation to the server that has its beginning.

    It is made from the system message and from what stays of the first question, and so it is the
    same in all rounds, and says nothing.
    """
    said = hashlib.sha256()
    for message in messages:
        stable, rest = split_stable(message)
        said.update(repr(stable or rest).encode("utf-8", "surrogatepass"))
        if message.type != "system":
            break
    return said.hexdigest()[:32]
