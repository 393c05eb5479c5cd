"""The result of a run, in a file of its folder: that of the last attempt that has an end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..nodes.json_line import escaped
from .text_file import read_file, replace_file

RESULT = "result.json"


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write a result in one step.

    Args:
        folder: The run's folder, which is there.
        result: The result object.

    Raises:
        OSError: When it cannot be written; the one before is still there.
    """
    text = json.dumps(result, ensure_ascii=False, indent=2)
    replace_file(folder / RESULT, escaped(f"{text}\n"))


def read_outcome(folder: Path) -> str | None:
    """Return the outcome of a run as its folder tells it; None where it tells none.

    Args:
        folder: The run's folder.
    """
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads(read_file(folder / RESULT))["outcome"])
    return None
