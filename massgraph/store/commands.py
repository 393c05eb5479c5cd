"""Commands that messages name, each with the store that it is about."""

from __future__ import annotations

import shlex

from .opening import POSTGRES, SQLITE
from .paths import DATABASE


def command(words: str, url: str) -> str | None:
    """Return a command, to be typed as it stands; None for a store that no command can name.

    Args:
        words: What comes after `massgraph`.
        url: The store's, without its password; the user's own goes without saying.
    """
    if not url.startswith((SQLITE, *POSTGRES)):
        return None
    store = "" if url == _users_own() else f" --db {shlex.quote(url)}"
    return f"massgraph {words}{store}"


def _users_own() -> str:
    """Return the URL of the user's own store, which need not be there."""
    from platformdirs import user_state_path

    return f"{SQLITE}{user_state_path('massgraph').absolute().resolve() / DATABASE}"
