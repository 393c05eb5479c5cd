"""What YAML and JSON have in common: a tree of nodes with their positions, within limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

MOST_NODES = 10_000
MOST_LEVELS = 64


class MalformedError(Exception):
    """A text that cannot be read further, at a line and column from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(slots=True)
class Node:
    """A piece of a document.

    Args:
        kind: What it is.
        line: From 1.
        column: From 1, in characters.
        value: A scalar's value.
        items: A list's items; of a mapping, keys and values in turn.
        size: Nodes in it, itself included, aliases expanded.
        levels: How deep it is; a scalar is 0.
        problem: What is wrong with it alone.
    """

    kind: Literal["scalar", "list", "map"]
    line: int
    column: int
    value: Any = None
    items: list[Node] = field(default_factory=list)
    size: int = 1
    levels: int = 0
    problem: str | None = None

    def pairs(self) -> list[tuple[Node, Node]]:
        """Return a mapping's keys and values."""
        return list(zip(self.items[::2], self.items[1::2], strict=True))


class Budget:
    """Counts the nodes of a document while it is read."""

    def __init__(self) -> None:
        self._nodes = 0

    def spend(self, node: Node, *, above: int) -> None:
        """Count a node and all that is in it, `above` levels deep.

        Raises:
            MalformedError: When a limit is passed.
        """
        self._nodes += node.size
        if self._nodes > MOST_NODES:
            raise MalformedError(
                f"the document has more than {MOST_NODES} nodes, aliases expanded",
                node.line,
                node.column,
            )
        if above + node.levels > MOST_LEVELS:
            raise MalformedError(
                f"the document is more than {MOST_LEVELS} levels deep", node.line, node.column
            )
