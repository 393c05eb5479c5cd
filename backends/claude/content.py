"""Blocks of content in Anthropic's form: text, images and documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..errors import BadRequestError

Block = dict[str, Any]

_NATIVE = ("image", "document", "search_result")
_KINDS = {"image": "image", "image_url": "image", "file": "document"}
_DATA_URL = re.compile(r"data:(?P<media>[^;,]+);base64,(?P<data>.*)", re.DOTALL)


def wire_blocks(blocks: Iterable[Mapping[str, Any]]) -> list[Block]:
    """Return blocks of LangChain as Anthropic takes them; blank text is left out.

    Raises:
        BadRequestError: When a block is of a kind that the API does not have.
    """
    return [_block(block) for block in blocks if not _is_blank(block)]


def text_block(text: str) -> Block:
    """Return a block of text."""
    return {"type": "text", "text": text}


def is_markable(block: Mapping[str, Any]) -> bool:
    """Return whether a cache marker may stand on a block: thinking cannot carry one."""
    return block.get("type") not in ("thinking", "redacted_thinking")


def _is_blank(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and not str(block.get("text", "")).strip()


def _block(block: Mapping[str, Any]) -> Block:
    kind = str(block.get("type"))
    if kind == "text":
        return text_block(str(block["text"]))
    if kind in _NATIVE and isinstance(block.get("source"), Mapping | str):
        return dict(block)
    source = _source(block) if kind in _KINDS else None
    if source is None:
        raise BadRequestError(f"Content of the type {kind!r} cannot be sent to Claude.")
    return {"type": _KINDS[kind], "source": source}


def _source(block: Mapping[str, Any]) -> dict[str, str] | None:
    """Return where an image or a file is, in any of the forms that LangChain has."""
    url: Any = block.get("url") or block.get("image_url")
    if isinstance(url, Mapping):
        url = cast("Mapping[str, Any]", url).get("url")
    data = block.get("base64") or block.get("data")
    media = block.get("mime_type")
    if isinstance(url, str):
        found = _DATA_URL.fullmatch(url)
        if found is None:
            return {"type": "url", "url": url}
        data, media = found["data"], found["media"]
    if isinstance(data, str) and isinstance(media, str):
        return {"type": "base64", "media_type": media, "data": data}
    return None
