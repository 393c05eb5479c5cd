"""Which of the tools a model is to call: one way to say it here, and each provider's own.

The words are `auto` (as the model likes), `any` (one of them, whichever) and `none`; anything else
is the name of the tool that must be called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .base import ToolSchema

WORDS = ("auto", "any", "none")


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """How a protocol says it.

    Args:
        words: Word -> what stands for it on the wire.
        named: The name of a tool -> what stands for that tool.
    """

    words: Mapping[str, Any]
    named: Callable[[str], Any]

    def wire(self, choice: Any, tools: Sequence[ToolSchema]) -> Any:
        """Return a choice as it goes over the wire; one in the wire's own words stays as it is.

        Args:
            choice: A word, the name of a tool, or what the wire has for them.
            tools: What may be called.
        """
        if not isinstance(choice, str):
            return choice
        if choice in self.words:
            return self.words[choice]
        return self.named(choice) if any(tool.name == choice for tool in tools) else choice


def offered(tools: Sequence[ToolSchema], choice: Any) -> Sequence[ToolSchema]:
    """Return what to offer where nobody can be told what to call: the named tool alone, or none."""
    if choice == "none":
        return ()
    return [tool for tool in tools if tool.name == choice] or tools
