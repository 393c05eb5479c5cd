"""YAML text to nodes, by its parse events: limits hold before anything is expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .syntax import Budget, MalformedError, Node

# libyaml is fifty times as fast; where it is missing, the same parser in Python.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The core schema of YAML 1.2: `on`, `yes` and `no` are text.
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_OTHER_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def parse_yaml(text: str) -> Node | None:
    """Return the document, or None when there is none.

    Raises:
        MalformedError: When it is no YAML, more than one document, or beyond a limit.
    """
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    return builder.root


def plain_value(text: str) -> Any:
    """Return what a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OTHER_INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


class _Builder:
    """Builds the tree from parse events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._budget = Budget()

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise _problem("a config is one document; this is a second one", event.start_mark)
            case yaml.ScalarEvent():
                self._add(_scalar(event), event)
            case yaml.SequenceStartEvent():
                self._begin(_node("list", event), event)
            case yaml.MappingStartEvent():
                self._begin(_node("map", event), event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._alias(event)
            case _:
                pass

    def _begin(self, node: Node, event: Any) -> None:
        node.levels = 1
        self._add(node, event)
        self._open.append(node)

    def _end(self) -> None:
        node = self._open.pop()
        if self._open:
            self._contains(self._open[-1], node)

    def _add(self, node: Node, event: Any) -> None:
        self._budget.spend(node, above=len(self._open))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._put(node)
        if node.kind == "scalar" and self._open:
            self._contains(self._open[-1], node)

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _problem("the alias names no anchor before it", event.start_mark)
        if any(node is parent for parent in self._open):
            raise _problem("the alias stands inside what it names", event.start_mark)
        here = Node("scalar", *_position(event.start_mark), size=node.size, levels=node.levels)
        self._budget.spend(here, above=len(self._open))
        self._put(node)
        if self._open:
            self._contains(self._open[-1], node)

    def _put(self, node: Node) -> None:
        if self._open:
            self._open[-1].items.append(node)
        else:
            self.root = node

    @staticmethod
    def _contains(parent: Node, child: Node) -> None:
        parent.size += child.size
        parent.levels = max(parent.levels, child.levels + 1)


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        if "tab character" in str(exc.problem) or _is_tab(text, mark):
            raise _problem("a tab; indent with spaces", mark) from None
        said = exc.problem or "not YAML"
        if exc.context:
            said = f"{said} {exc.context}"
        raise _problem(f"not YAML: {said}", mark) from None
    except yaml.reader.ReaderError as exc:
        before = text[: exc.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise MalformedError(f"not YAML: {exc.reason}", line, column) from None


def _is_tab(text: str, mark: Any) -> bool:
    """Return whether a tab stands at a mark."""
    line, column = _position(mark) if mark is not None else (1, 1)
    return "".join(text.splitlines()[line - 1 : line])[column - 1 : column] == "\t"


def _node(kind: Any, event: Any) -> Node:
    node = Node(kind, *_position(event.start_mark))
    if event.tag is not None:
        node.problem = f"tags are not allowed ({event.tag[:40]!r})"
    return node


def _scalar(event: Any) -> Node:
    node = _node("scalar", event)
    node.value = event.value
    if event.implicit[0] and event.tag is None:
        try:
            node.value = plain_value(event.value)
        except ValueError:
            node.problem = "the number has too many digits"
    return node


def _position(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _problem(message: str, mark: Any) -> MalformedError:
    return MalformedError(message, *(_position(mark) if mark is not None else (1, 1)))
