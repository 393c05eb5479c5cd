"""What an outer agent is told, put so that a team inside it understands it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage

from ..backends.prefix import STABLE, split_stable, with_tail

INSIDE = """\
Your team is one member of a larger team that works on this question. What the larger team has so \
far follows. Its labels and its tools are not yours: work out what your team has to say."""
REFUSED = "Your team's last word did not count: {why}"
ACT = """\
You speak for your team in a larger one, which told your team the following.

{rules}

Act now for your team, by calling exactly one of the tools that you are offered: as an answer of \
your own, give the one that your team would present."""
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
    tail = [seen] if brief else [INSIDE, seen]
    refusals = [m.text for m in talk[asked + 1 :] if m.type in ("tool", "human")]
    told = [REFUSED.format(why=why) for why in refusals]
    content = cast("list[str | dict[str, Any]]", stable)
    return [*talk[:asked], with_tail(content, [*(tail if seen else []), *told])]


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
