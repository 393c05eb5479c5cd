"""OuterCall: what an outer team asks of a run that answers for one of its agents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..backends.base import ToolSchema
from ..backends.chunks import StreamChunk

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage


@dataclass(frozen=True, slots=True)
class OuterCall:
    """The call of an outer agent that a run stands for.

    With it the presenting call is always made, also where no call would be otherwise. Where tools
    are given, its reply counts when it calls one or more of them and nothing else; the message that
    ends the run carries these calls, and an output type asks for nothing then. Without tools the
    reply is text, as ever. A run that presents a stored answer ends with a message without calls.

    Args:
        tools: What the outer agent may call now.
        messages: Takes the messages of the presenting call, and returns those that are sent.
        chunk: Takes every chunk of the presenting call at once, `done` included.
        again: Called before a further try: what came in chunks until then is void.
    """

    tools: Sequence[ToolSchema] = ()
    messages: Callable[[list[AnyMessage]], list[AnyMessage]] = lambda messages: messages
    chunk: Callable[[StreamChunk], None] = lambda _: None
    again: Callable[[], None] = lambda: None
