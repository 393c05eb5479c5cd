"""What an outer agent is told, put so that a team inside it understands it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from ..backends.prefix import SEPARATOR, STABLE, split_stable, with_tail
from ..nodes.actions import ACTIONS
from ..nodes.fence import fence

LARGER_TEAM = "larger team"
INSIDE = """\
Your team is one member of a larger team that works on this question. What the larger team has so \
far, and what it asks of your team, stands between the marks <larger team …> and </larger team …>. \
Its labels and its tools are not yours: work out what your team has to say."""
REFUSED = "Your team's last word did not count: {why}"
TOLD = "Your team was told, too: {said}"
USED = "Your team used a tool of its own, which gave:"
ACT = """\
You speak for your team in a larger one, which told your team the following.

{rules}

Act now for your team, by calling exactly one of the tools that you are offered. Labels are those \
that the larger team's answers have. As an answer of your own, give the one that your team would \
present."""
WRITE = """\
You speak for your team in a larger one, which told your team the following. Do it now.

{rules}"""
SAID = "You speak for a team of your own, which has come to this:\n\n{said}\n\nAct on it now."


def question_of(messages: Sequence[AnyMessage], *, brief: bool = False) -> list[AnyMessage]:
    """Return the conversation that an inner team is asked.

    Args:
        messages: What the outer agent was sent: system, conversation, question, and its turn.
        brief: For very small models: nothing is explained.
    """
    talk = [message for message in messages if message.type != "system"]
    asked = _question(talk)
    stable, shown = split_stable(talk[asked])
    if not stable:
        stable, shown = shown, []
    seen = "\n\n".join(str(block.get("text", "")) for block in shown).strip()
    parts = [part for part in _shown(seen, brief=brief) if part]
    parts += [part for message in talk[asked + 1 :] if (part := _told(message))]
    return [*talk[:asked], _with(stable, parts)]


def act(messages: Sequence[AnyMessage], rules: Sequence[str], *, offered: bool) -> list[AnyMessage]:
    """Return a presenter's conversation with what the outer agent was told at its end.

    Args:
        messages: The conversation.
        rules: What the outer agent was told.
        offered: Whether there are tools to call.
    """
    words = ACT if offered else WRITE
    return [*messages, HumanMessage(words.format(rules="\n\n".join(rules)))]


def speak(messages: Sequence[AnyMessage], said: str) -> list[AnyMessage]:
    """Return an outer agent's conversation with what a graph has come to at its end."""
    return [*messages, HumanMessage(SAID.format(said=said))]


def _question(talk: Sequence[AnyMessage]) -> int:
    """Return the place of the question: the machine marks it; else it is the last human word."""
    human = [number for number, message in enumerate(talk) if message.type == "human"]
    marked = [number for number in human if STABLE in talk[number].additional_kwargs]
    return [*human, *marked][-1]


def _shown(seen: str, *, brief: bool) -> Iterator[str]:
    """Say what the outer agent was shown beside the question, between marks."""
    if brief or not seen:
        yield seen
        return
    mark = f"{LARGER_TEAM} {_nonce(seen)}"
    yield INSIDE
    yield f"<{mark}>\n{seen}\n</{mark}>"


def _told(message: AnyMessage) -> str:
    """Return what the outer agent was told in the course of its turn."""
    if message.type == "human":
        return TOLD.format(said=message.text)
    if not isinstance(message, ToolMessage):
        return ""
    name = message.name or "tool"
    if name in ACTIONS:
        return REFUSED.format(why=message.text)
    return f"{USED}\n\n{fence(_nonce(message.text), name, message.text)}"


def _nonce(text: str) -> str:
    """Return what marks around a text carry: no text can hold its own digest."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _with(question: list[dict[str, Any]], parts: Sequence[str]) -> HumanMessage:
    """Return the question with more behind it: as text, if it is nothing but text."""
    texts = [block.get("text") for block in question if block.get("type") == "text"]
    if len(texts) == len(question):
        return with_tail("".join(map(str, texts)), parts)
    tail = [SEPARATOR + SEPARATOR.join(parts)] if parts else []
    return with_tail(cast("list[str | dict[str, Any]]", question), tail)
