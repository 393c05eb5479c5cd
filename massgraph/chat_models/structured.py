"""Structured output that is not there is an error, not a None."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import RunnableGenerator


def _found(answers: Iterator[Any]) -> Iterator[Any]:
    """Yield what a model's answers were read as.

    Raises:
        OutputParserException: When that is nothing at all.
    """
    nothing = True
    for answer in answers:
        if answer is not None:
            nothing = False
            yield answer
    if nothing:
        raise _nothing()


async def _afound(answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    nothing = True
    async for answer in answers:
        if answer is not None:
            nothing = False
            yield answer
    if nothing:
        raise _nothing()


def _nothing() -> OutputParserException:
    return OutputParserException(
        "The model has not called the tool that its answer should go by. Say in the prompt that it "
        "must, or use include_raw=True to see what it said."
    )


SOMETHING: RunnableGenerator[Any, Any] = RunnableGenerator(_found, _afound)
"""Hands on what was read, as the end of a chain."""
