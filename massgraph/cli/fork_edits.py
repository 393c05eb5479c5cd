"""What `massgraph threads fork --set` changes in the state of a step."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..config import Override
    from ..config.document import Document


def overrides_of(sets: Sequence[str]) -> list[Override]:
    """Return what the options say.

    Raises:
        click.UsageError: When one says nothing.
    """
    from ..config import Override
    from ..config.problems import ConfigError

    try:
        return [Override.parse(text) for text in sets]
    except ConfigError as exc:
        raise click.UsageError("; ".join(map(str, exc.problems))) from exc


def edits_of(overrides: Sequence[Override], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the edits, as a fork takes them: state key -> value.

    `answers.alice=TEXT` changes one entry and leaves the others; `null` takes an entry away.

    Args:
        overrides: What the options say.
        state: The state of the step.

    Raises:
        click.UsageError: When a value cannot be read, or a text is missing.
    """
    from ..config.document import Document

    document = Document("--set", {})
    for override in overrides:
        key, *inner = override.path
        if inner and key in state:
            document.value.setdefault(key, copy.deepcopy(state[key]))
        override.apply(document)
        if not document.problems and (override.path == ("question",) or len(inner) == 1):
            _settle(override, document)
    if document.problems:
        raise click.UsageError("; ".join(map(str, document.problems)))
    edits: dict[str, Any] = document.value
    return edits


def _settle(override: Override, document: Document) -> None:
    """Take a number for the text that it is, and an entry away that shall be none."""
    *outer, name = override.path
    holder: Any = document.value[outer[0]] if outer else document.value
    text = override.value.strip()
    if not isinstance(holder, dict):  # an entry of a list is taken as it is
        return
    if outer and holder[name] is None and text:
        del holder[name]
    elif outer in ([], ["answers"]) and not isinstance(holder[name], str | dict | list):
        if not text:
            raise click.UsageError(f"{override.label}: there is no text behind the '='.")
        holder[name] = text
