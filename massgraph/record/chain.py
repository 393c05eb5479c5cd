"""The lines of a record: each carries a checksum over itself and over all lines before it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from ..nodes.json_line import json_line

START = b""
"""What stands for the checksum before a file's first line."""

_DIGEST_BYTES = 8
_TAIL = b', "sum": "%s"}\n'
_TAIL_BYTES = len(_TAIL % b"") + 2 * _DIGEST_BYTES


class Link(NamedTuple):
    """A line, and the checksum that the next one goes on from."""

    line: bytes
    sum: bytes


def seal(values: Mapping[str, Any], before: bytes) -> Link:
    """Return an object as a line with its checksum as the last key.

    Args:
        values: The object; it is not empty.
        before: The checksum of the line before.
    """
    return _sealed(json_line(values)[:-1], before)


def unseal(line: bytes, before: bytes) -> Link | None:
    """Return a line's object as JSON, and its checksum; None when the line is damaged.

    Args:
        line: The line, with its newline.
        before: The checksum of the line before.
    """
    body = line[:-_TAIL_BYTES] + b"}"
    link = _sealed(body, before)
    return Link(body, link.sum) if link.line == line else None


def _sealed(body: bytes, before: bytes) -> Link:
    digest = blake2b(before + body, digest_size=_DIGEST_BYTES).hexdigest().encode()
    return Link(body[:-1] + _TAIL % digest, digest)
