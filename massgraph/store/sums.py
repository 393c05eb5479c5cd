"""Checksums of what is stored: what was changed, lost or moved is known when it is read."""

from __future__ import annotations

from hashlib import blake2b

from ..backends.reply_table import NO_SUM as NO_SUM
from ..backends.reply_table import checksum as checksum


def short_sum(data: bytes) -> bytes:
    """Return the checksum of a blob: 8 bytes."""
    return blake2b(data, digest_size=8).digest()


def mixed(*sums: str) -> str:
    """Return the sum of a set of sums, in whatever order; adding one twice takes it out again."""
    total = 0
    for one in sums:
        total ^= _number(one)
    return f"{total:032x}"


def _number(total: object) -> int:
    try:
        return int(str(total), 16)
    except ValueError:  # a damaged one: it counts as what it is
        return int(checksum(total), 16)
