"""A LangChain chat model as a program hands it in; it is looked at without importing LangChain."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from .errors import UserError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_HOME = ("langchain_core.language_models.chat_models", "BaseChatModel")


def is_chat_model(thing: object) -> TypeGuard[BaseChatModel]:
    """Return whether something is a LangChain chat model."""
    return any((base.__module__, base.__name__) == _HOME for base in type(thing).__mro__)


def check_chat_model(thing: object) -> None:
    """Check that something is a LangChain chat model.

    Raises:
        UserError: When it is none.
    """
    if not is_chat_model(thing):
        raise UserError(
            f"A {type(thing).__name__} is neither a backend nor a LangChain chat model.",
            hint="Give the model itself, without bind(), with_retry() or a prompt around it.",
        )
