"""Checksums of what is stored: what was changed, lost or moved is known when it is read."""

from __future__ import annotations

from hashlib import blake2b

NO_SUM = "0" * 32
"""What comes before a chain's first row, and the sum of no rows."""


def checksum(*parts: object) -> str:
    """Return the checksum of some values, each bounded by its length: 32 hex digits."""
    found = blake2b(digest_size=16)
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data))
        found.update(data)
    return found.hexdigest()


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
