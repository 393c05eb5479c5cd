"""JSON text to nodes: the standard library reads the scalars, positions are kept."""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from .syntax import Budget, MalformedError, Node

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def parse_json(text: str) -> Node | None:
    """Return the document, or None when there is none.

    Raises:
        MalformedError: When it is no JSON, more than one value, or beyond a limit.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._budget = Budget()
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def document(self) -> Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        node = self._node(0)
        self._skip()
        if self._at < len(self._text):
            raise self._problem("the document ends here, and something follows")
        return node

    def _node(self, above: int) -> Node:
        line, column = self._position()
        match self._peek():
            case "{":
                node = Node("map", line, column, levels=1)
            case "[":
                node = Node("list", line, column, levels=1)
            case _:
                node = self._scalar(Node("scalar", line, column))
        self._budget.spend(node, above=above)
        if node.kind != "scalar":
            self._collection(node, above + 1)
        return node

    def _collection(self, node: Node, above: int) -> None:
        end = "}" if node.kind == "map" else "]"
        self._at += 1
        self._skip()
        if self._peek() == end:
            self._at += 1
            return
        while True:
            if node.kind == "map":
                self._expect('"', "a key in double quotes", take=False)
                node.items.append(self._node(above))
                self._expect(":", "':' after the key")
            node.items.append(self._node(above))
            self._skip()
            if self._peek() == end:
                self._at += 1
                return
            self._expect(",", f"',' or {end!r}")

    def _scalar(self, node: Node) -> Node:
        try:
            node.value, self._at = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as exc:
            self._at = exc.pos
            raise self._problem(f"not JSON: {exc.msg}") from None
        except ValueError:
            raise self._problem("the number has too many digits") from None
        return node

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _expect(self, char: str, what: str, *, take: bool = True) -> None:
        self._skip()
        if self._peek() != char:
            raise self._problem(f"not JSON: expected {what}")
        if take:
            self._at += 1
            self._skip()

    def _position(self) -> tuple[int, int]:
        line = bisect_right(self._lines, self._at)
        return line, self._at - self._lines[line - 1] + 1

    def _problem(self, message: str) -> MalformedError:
        return MalformedError(message, *self._position())
