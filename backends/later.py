"""Heavy modules that only annotations need: imported when somebody resolves an annotation.

    if TYPE_CHECKING:
        from langchain_core import messages as lc
    else:
        lc = Later("langchain_core.messages")

Then `lc.AnyMessage` in an annotation costs nothing, and `typing.get_type_hints` finds it.
"""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """Stands for a module, and imports it when the first of its names is asked for.

    Args:
        name: The module's name, relative where it begins with a dot.
        package: What a relative name is relative to.
    """

    def __init__(self, name: str, package: str | None = None) -> None:
        self._name, self._package = name, package

    def __getattr__(self, name: str) -> Any:
        """Return what the module has under this name."""
        return getattr(importlib.import_module(self._name, self._package), name)
