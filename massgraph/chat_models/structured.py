"""Structured output that is not there is an error, not a None."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import (
    Runnable,
    RunnableGenerator,
    RunnableLambda,
    RunnableMap,
    RunnablePassthrough,
)
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel


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


def under_schema(
    model: BaseChatModel, schema: dict[str, Any] | type, *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """Return a model whose provider holds the text of its answers to a schema, and what reads them.

    Args:
        model: The model.
        schema: A pydantic class, a TypedDict, or a JSON Schema.
        include_raw: Whether to return the message, what was read, and what went wrong with it.
    """
    wanted = convert_to_json_schema(schema)
    told = {"kwargs": {"method": "json_schema"}, "schema": wanted}
    held = model.bind(output_schema=wanted, ls_structured_output_format=told)
    reads: Runnable[Any, Any] = JsonOutputParser()
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        reads = PydanticOutputParser(pydantic_object=schema)
    if not include_raw:
        return held | reads
    read = RunnablePassthrough.assign(parsed=_raw | reads, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=held) | read.with_fallbacks([failed], exception_key="parsing_error")


def _raw_of(found: dict[str, Any]) -> Any:
    return found["raw"]


_raw: RunnableLambda[Any, Any] = RunnableLambda(_raw_of)
