"""Config files: where they are, and their text. Never blocks, never reads more than it may."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .problems import ConfigError, Place, Problem, did_you_mean

MOST_BYTES = 1_000_000
SHIPPED = Path(__file__).parent.parent / "data" / "configs"
_SUFFIXES = (".yaml", ".yml", ".json")


def shipped_names() -> list[str]:
    """Return the names of the configs that come with massgraph."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def locate(name: str | Path) -> Path:
    """Return the file that is meant: one that is there, else a shipped config of that name."""
    path = Path(name)
    if path.is_file() or path.name != str(name):
        return path
    stem = path.stem if path.suffix in _SUFFIXES else path.name
    return SHIPPED / f"{stem}.yaml" if stem in shipped_names() else path


def read_text(path: Path) -> str:
    """Return the text of a config file, without a byte-order mark.

    Raises:
        ConfigError: When it is not there, not a regular file, too long, or not UTF-8.
    """
    data = _read(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _refused(path, "the file is not UTF-8 text", line, column) from None


def _read(path: Path) -> bytes:
    # O_NONBLOCK: opening a fifo that nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        near = did_you_mean(path.name, shipped_names()) if path.name == str(path) else ""
        raise _refused(path, f"there is no such file{near if 'mean' in near else ''}") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "not a file name"
        raise _refused(path, f"the file cannot be read: {reason}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refused(path, "a config is a regular file, and this is none")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _refused(path, "the file is longer than 1 MB")
    return data


def _refused(path: Path, message: str, line: int = 1, column: int = 1) -> ConfigError:
    return ConfigError([Problem(Place(str(path), line, column), message)])
