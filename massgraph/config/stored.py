"""A config as it is stored with a thread: whole, less its keys, so that a run can go on with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..backends.errors import UserError
from .document import Document
from .stripped import Stripped

VERSION = 1

KEYED = ("backend", "fallback", "backend_params")
"""What has a key of a provider."""


def stored_config(document: Document) -> str:
    """Return a config as JSON, less its keys.

    Left out are values of keys that are named like secrets (`api_key`), of an MCP server's `env`
    and `headers` unless they name a variable, of its arguments that are named like secrets
    (`--token`), values that look like a provider's key, and those of the environment's own
    secrets; addresses lose their users, passwords and queries.
    """
    kept = Stripped(document)
    values = {
        "v": VERSION,
        "source": document.source,
        "config": kept.value,
        "left_out": kept.left_out,
    }
    return json.dumps(values, ensure_ascii=False)


def restored_document(stored: str) -> Document:
    """Return the config that `stored_config` gave.

    Raises:
        UserError: When it is of a newer version, or what was left out does not come by itself.
    """
    values: Any = json.loads(stored)
    if values.get("v") != VERSION:
        raise UserError(
            "The thread was made by a newer massgraph.", hint="Give its config: -c FILE"
        )
    config = values["config"]
    missing = [path for path in values["left_out"] if not _comes_by_itself(path, config)]
    if missing:
        raise UserError(
            f"The thread's config is stored without {', '.join(missing)}:",
            hint="give the config itself, -c FILE.",
        )
    return Document(values["source"], config)


def _comes_by_itself(path: str, config: Any) -> bool:
    """Return whether what was left out is a key that the environment brings.

    A server that only speaks OpenAI's older protocol gets no key from there: without it the run
    would end there, refused.
    """
    *place, name = path.split(".")
    if name != "api_key" or place[-1] not in KEYED:
        return False
    backend = config if place == ["backend_params"] else _at(config, place)
    text = json.dumps(backend)
    return not ('"chat_completions"' in text and '"base_url"' in text)


def _at(config: Any, place: Sequence[str]) -> Any:
    for key in place:
        config = config[int(key) if isinstance(config, list) else key]
    return config
