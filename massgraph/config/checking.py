"""Check values against a pydantic model, and note what is wrong in the document."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..backends.complaints import problems_of
from .document import Document, Keys

M = TypeVar("M", bound=BaseModel)


def check(model: type[M], values: Any, document: Document, keys: Keys) -> M | None:
    """Return the values as a model, or None when something is wrong, which is noted.

    Args:
        model: The model.
        values: The values.
        document: Takes the problems.
        keys: Where the values stand in the document.
    """
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        for where, message, is_key in problems_of(exc, model, values):
            document.problem((*keys, *where), message, key=is_key)
        return None
