"""The history of what was typed, in a file that only its user may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from ..backends.errors import StoreError
from ..store.paths import private_file, state_dir

NAME = "chat_history"
MOST_BYTES = 1_000_000
"""How large the file may be when a chat begins; of a larger one the older half goes."""


def history_path() -> Path:
    """Return where the history is kept.

    Raises:
        StoreError: When the state directory cannot be made.
    """
    return state_dir() / NAME


def open_history(find: Callable[[], Path] | None) -> tuple[History, str | None]:
    """Return the history, and why it is not kept in its file, if it should be and is not.

    Args:
        find: Returns the file; None keeps the history while the chat lasts.
    """
    if find is None:
        return InMemoryHistory(), None
    try:
        path = find()
        private_file(path)
        _shorten(path)
    except (OSError, StoreError) as exc:
        return InMemoryHistory(), f"the history is not kept: {exc}"
    return KeptHistory(path), None


class KeptHistory(FileHistory):
    """A history in a file; what the file does not take is kept while the chat lasts."""

    def load_history_strings(self) -> Iterable[str]:
        """Give out what was typed, the newest first."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Add what was typed; the prompt that it was typed at goes on in any case."""
        try:
            super().store_string(string.encode("utf-8", "replace").decode())
        except OSError:
            return


def _shorten(path: Path) -> None:
    """Take the older half of a large file away; an entry begins at an empty line."""
    if path.stat().st_size <= MOST_BYTES:
        return
    data = path.read_bytes()
    begins = data.find(b"\n\n#", len(data) // 2)
    newer = path.with_name(f"{path.name}.new")
    newer.unlink(missing_ok=True)
    private_file(newer)
    newer.write_bytes(data[begins + 1 :] if begins >= 0 else b"")
    newer.replace(path)
