"""Canaries: keys that are told apart wherever, and however written, they turn up."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

PART = 10
"""Characters of a key whose appearance is a leak already."""


@dataclass
class Canaries:
    """Keys by the place where they were put, and a search for all of them."""

    cores: dict[str, str] = field(default_factory=dict[str, str])

    def key(self, place: str) -> str:
        """Return the key of a place; quotes, slashes and the like change as texts are quoted."""
        return f"k\"{self._core(place)}/+='k"

    def plain(self, place: str) -> str:
        """Return a key of letters and digits alone."""
        return self._core(place)

    def quoted(self, place: str) -> str:
        """Return a key as it stands in a URL."""
        return quote(self.key(place), safe="")

    def _core(self, place: str) -> str:
        digest = hashlib.sha256(place.encode()).hexdigest()[:24]
        return self.cores.setdefault(place, f"Zq{digest}Qz")

    def found_in(self, *texts: str | bytes) -> set[str]:
        """Return the places whose keys, or parts of them, are in a text in any form."""
        whole = b"\0".join(one.encode() if isinstance(one, str) else one for one in texts)
        low = whole.lower()
        return {
            place
            for place, core in self.cores.items()
            if any(part.lower().encode() in low for part in (core[:PART], core[-PART:]))
            or any(part in whole for part in _encoded(core))
        }

    def found_under(self, folder: Path, *, less: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return the keys that are in a file below a folder, or in its name: key -> file.

        Args:
            folder: The folder.
            less: Names of files that a test itself has put keys into.
        """
        return {
            place: str(path.relative_to(folder))
            for path in sorted(folder.rglob("*"))
            if path.name not in less
            for place in self.found_in(
                str(path.relative_to(folder)), path.read_bytes() if path.is_file() else b""
            )
        }


def _encoded(core: str) -> Iterator[bytes]:
    """Give out a text in base64, wherever in a longer text it stands, and in hex."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + core.encode()).rstrip(b"=")
        yield whole[2 * before : -2]
    yield core.encode().hex().encode()
