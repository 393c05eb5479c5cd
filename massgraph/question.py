"""The question of a run: a text, or the last message of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from langchain_core.messages import AnyMessage, HumanMessage, convert_to_messages

from .backends.errors import UserError


def conversation(question: str | Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the conversation that a question is, or ends.

    Raises:
        UserError: When there is no question.
    """
    given = [question] if isinstance(question, str) else question
    # Copies without ids: a thread would take a message of the same id for a correction.
    messages = [message.model_copy(update={"id": None}) for message in convert_to_messages(given)]
    last = messages[-1] if messages else None
    if not isinstance(last, HumanMessage):
        raise UserError("There is no question: the last message must be a human one.")
    if isinstance(last.content, str) and not last.content.strip():
        raise UserError("The question is empty.", hint="Ask something.")
    return cast("list[AnyMessage]", messages)
