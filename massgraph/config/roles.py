"""The `preset:` of an agent: a role that is written already."""

from __future__ import annotations

from typing import Any

from ..backends.errors import UserError
from ..presets import Preset, preset
from .document import Document, Keys

NO_ROLE = Preset("")


def read_preset(named: Any, document: Document, keys: Keys) -> Preset:
    """Return the role that an agent's `preset:` names; none where it is wrong, which is noted.

    Args:
        named: The value: a name, `{expert: DOMAIN}`, or None.
        document: Takes the problems.
        keys: Where the value stands.
    """
    if not isinstance(named, str | dict):
        return NO_ROLE  # the check of the agent says so
    try:
        return preset(named)
    except UserError as exc:
        document.problem(keys, str(exc))
    return NO_ROLE
