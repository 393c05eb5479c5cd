"""What comes over any provider's wire: JSON objects of which a part is used, and text in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict

from .errors import MalformedResponseError

_HALF = re.compile("[\ud800-\udfff]")


class Wire(BaseModel):
    """Something on the wire: what is not used of it is ignored, a wrong type is refused."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _whole(text: str) -> str:
    if not text.isascii() and _HALF.search(text):
        raise ValueError("half a surrogate pair")
    return text


Text = Annotated[str, AfterValidator(_whole)]
"""Text without half a character, which could be neither stored nor shown."""


def check_text(value: object) -> None:
    """Refuse half a character anywhere in a JSON value: see `Text`.

    Raises:
        MalformedResponseError: When there is one, or the value is nested too deep to be read.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise MalformedResponseError("A frame of the stream holds what is no text.") from exc


def as_object(frame: object) -> Mapping[str, Any]:
    """Return the frame as the JSON object that it must be.

    Raises:
        MalformedResponseError: When it is something else.
    """
    if not isinstance(frame, Mapping):
        raise MalformedResponseError("A frame of the stream is not a JSON object.")
    return cast("Mapping[str, Any]", frame)


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
