"""Whether the verbs of make can be run in a test."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def made() -> bool:
    """Return whether make has set up this environment, and would not do it again now."""
    stamp = Path(sys.prefix) / ".stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != str(ROOT):
        return False
    needed = (ROOT / "pyproject.toml", ROOT / "Makefile")
    return all(path.stat().st_mtime <= stamp.stat().st_mtime for path in needed)
