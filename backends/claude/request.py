"""A request to `/v1/messages`, made from LangChain messages and tool schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .messages import Conversation

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from ..base import ToolSchema

Body = dict[str, Any]


class Request(NamedTuple):
    """A request, and what the answer's echo must tell of it.

    Args:
        body: The body.
        digest: What stands before the answer.
        container: The container of the conversation, if code has run in one.
    """

    body: Body
    digest: str
    container: str | None


def request(
    model: str,
    messages: Sequence[AnyMessage],
    tools: Sequence[ToolSchema],
    params: Mapping[str, Any],
    *,
    writer: str,
    bound: bool,
) -> Request:
    """Return a streaming request.

    Args:
        model: The model.
        messages: The conversation.
        tools: What the model may call.
        params: Further keys of the body; what is None is left out. Its `tools` are the builtin
            ones: they stand first, as they are the same in every request.
        writer: Whose messages go back as they came.
        bound: Whether thinking is bound to what stands before it.

    Raises:
        BadRequestError: When a message is of a kind that the protocol does not have.
    """
    rest = {name: value for name, value in params.items() if value is not None}
    offered = [*rest.pop("tools", ()), *map(_tool, tools)]
    said = Conversation(messages, writer=writer, head=[model, offered], bound=bound)
    body: Body = {"model": model}
    if offered:
        body["tools"] = offered
    if said.system:
        body["system"] = said.system
    body["messages"] = said.messages
    if said.container:
        body["container"] = said.container
    body.update(rest)
    body["stream"] = True
    return Request(body, said.digest, body.get("container"))


def resumed(body: Body, content: Sequence[Mapping[str, Any]], container: str | None) -> Body:
    """Return the request that lets the model go on where it paused.

    Args:
        body: The request before.
        content: What the model has said in this turn so far, with the use of the tool that is to
            go on at its end.
        container: The container that its code ran in.
    """
    going_on = {**body, "messages": [*body["messages"]]}
    if content:
        going_on["messages"].append({"role": "assistant", "content": [*content]})
    if container:
        going_on["container"] = container
    return going_on


def _tool(tool: ToolSchema) -> dict[str, Any]:
    # Eager: the arguments come as they are written, unchecked, not when they are complete. The
    # fold checks them. It is there on all models, and needs no beta header:
    # https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
    sent: dict[str, Any] = {"name": tool.name, "input_schema": dict(tool.parameters)}
    if tool.description:
        sent["description"] = tool.description
    sent["eager_input_streaming"] = True
    return sent
