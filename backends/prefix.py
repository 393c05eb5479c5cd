"""What a request has in common with the next one, and where cache markers belong.

Many providers find the longest common beginning of two requests by themselves. Others keep, and
look up, only what ends at a marker of the request; writing costs extra there, so a marker belongs
where the next request begins to differ, and nowhere else. Whoever writes a message knows where
that is, and says so in `additional_kwargs`, which no adapter sends: the content stays as it is.

An adapter with markers puts them where `cache_points` says, at most three, and finds the places
within a message by `split_stable`; an adapter without them has nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from .later import Later

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")

Block = dict[str, Any]
"""A block of content as LangChain has it."""

STABLE = "massgraph_stable"
"""The mark in `additional_kwargs`: how much of the content stays, in characters or in blocks."""
SEPARATOR = "\n\n"


class CachePoint(NamedTuple):
    """A place for a cache marker.

    Args:
        message: The number of the message.
        blocks: How many of its blocks (see `split_stable`) stand before the marker; None for all.
    """

    message: int
    blocks: int | None = None


def with_tail(content: str | Sequence[str | Block], tail: Sequence[str]) -> lc.HumanMessage:
    """Return a message that begins with what stays, and ends with what may change.

    Args:
        content: What stays, as text or as blocks.
        tail: The paragraphs behind it.
    """
    from langchain_core.messages import HumanMessage

    mark = {STABLE: len(content)}
    if isinstance(content, str):
        return HumanMessage(SEPARATOR.join([content, *tail]), additional_kwargs=mark)
    more: list[str | Block] = [_text(part) for part in tail]
    blocks = cast("list[str | dict[Any, Any]]", [*content, *more])
    return HumanMessage(blocks, additional_kwargs=mark)


def split_stable(message: lc.AnyMessage) -> tuple[list[Block], list[Block]]:
    """Return the blocks of a message that stay, and those that may change.

    A text is one block, or two when only the beginning of it stays: the texts together are the
    text, and the first of them is what the same words are in a later message that holds no more.
    A message without a mark is all change.
    """
    content = cast("str | list[str | Block]", message.content)
    mark = message.additional_kwargs.get(STABLE, 0)
    return _blocks(content[:mark]), _blocks(content[mark:])


def cache_points(messages: Sequence[lc.AnyMessage]) -> list[CachePoint]:
    """Return where markers pay, in order, at most three.

    Behind the system messages at the beginning (and the tools, which providers put in front of
    them); behind what stays of the last marked message; and behind the last message, when the
    conversation has gone on since then, or when nothing is marked.
    """
    system = next((n for n, m in enumerate(messages) if m.type != "system"), len(messages))
    marked = [n for n, message in enumerate(messages) if message.additional_kwargs.get(STABLE)]
    points = [CachePoint(system - 1)] if system else []
    if marked:
        stable, rest = split_stable(messages[marked[-1]])
        points.append(CachePoint(marked[-1], len(stable) if rest else None))
    last = len(messages) - 1
    if last >= system and last not in marked[-1:]:
        points.append(CachePoint(last))
    return points


def _blocks(content: str | Sequence[str | Block]) -> list[Block]:
    if isinstance(content, str):
        return [_text(content)] if content else []
    return [_text(block) if isinstance(block, str) else block for block in content]


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
