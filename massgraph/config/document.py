"""A config as plain values, with the place of each: what the rest of the loading works on."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..backends.words import Keys as Keys
from .files import read_text
from .json_source import parse_json
from .problems import ConfigError, Place, Problem, quoted
from .syntax import MalformedError, Node
from .yaml_source import parse_yaml

_HALF = re.compile(r"[\ud800-\udfff]")

BIGGEST = 2**63 - 1
"""The largest whole number that other programs understand."""


class Document:
    """Plain values and their places.

    Args:
        source: The file, or what else the values come from.
        value: The values, where they do not come from a file.
    """

    def __init__(self, source: str, value: Any = None) -> None:
        self.source = source
        self.value = value
        self.problems: list[Problem] = []
        self._broken: set[Place] = set()
        self._values: dict[Keys, Place] = {}
        self._keys: dict[Keys, Place] = {}

    def place(self, path: Keys, *, key: bool = False) -> Place:
        """Return where a value stands, or its key; what is not there stands where it should."""
        found = self._keys.get(path) if key else None
        while found is None and path not in self._values and path:
            path = path[:-1]
        return found or self._values.get(path) or self._whole()

    def problem(self, path: Keys, message: str, *, key: bool = False) -> None:
        """Note what is wrong with a value, or with its key."""
        place = self.place(path, key=key)
        if place not in self._broken:
            self.problems.append(Problem(place, message))

    def put(self, path: Keys, place: Place) -> None:
        """Note that the value at `path`, and all that is in it, comes from `place`."""
        for places in (self._values, self._keys):
            for known in [other for other in places if other[: len(path)] == path]:
                del places[known]
            places[path] = place

    def build(self, node: Node) -> Any:
        """Take a tree of nodes in as the document's values."""
        self.value = self._build(node, ())
        return self.value

    def _build(self, node: Node, path: Keys) -> Any:
        place = self._values[path] = Place(self.source, node.line, node.column)
        if node.problem:
            self._breaks(place, node.problem)
        match node.kind:
            case "scalar":
                return self._scalar(node.value, place)
            case "list":
                return [self._build(item, (*path, n)) for n, item in enumerate(node.items)]
            case "map":
                return self._mapping(node, path)

    def _scalar(self, value: Any, place: Place) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            self._breaks(place, "a number must be finite")
            return 0.0
        if isinstance(value, int) and abs(value) > BIGGEST:
            self._breaks(place, "the number is too large")
            return 0
        if isinstance(value, str) and _HALF.search(value):
            self._breaks(place, "the text holds half of a character (a lone surrogate)")
            return ""
        return value

    def _mapping(self, node: Node, path: Keys) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, value in node.pairs():
            place = Place(self.source, key.line, key.column)
            if key.kind != "scalar" or not isinstance(key.value, str) or _HALF.search(key.value):
                self.problems.append(Problem(place, "a key must be text"))
            elif key.problem:
                self.problems.append(Problem(place, key.problem))
            elif key.value in built:
                first = self._keys[*path, key.value].line
                message = f"the key {quoted(key.value)} is there already, in line {first}"
                self.problems.append(Problem(place, message))
            else:
                self._keys[*path, key.value] = place
                built[key.value] = self._build(value, (*path, key.value))
        return built

    def _breaks(self, place: Place, message: str) -> None:
        """Note a problem that leaves nothing more to be said of its place."""
        self.problems.append(Problem(place, message))
        self._broken.add(place)

    def _whole(self) -> Place:
        return Place(self.source)


def read_document(path: Path) -> Document:
    """Return the document in a config file.

    Raises:
        ConfigError: When the file is none, or its text is neither YAML nor JSON.
    """
    text = read_text(path)
    document = Document(str(path))
    try:
        node = _parser(path, text)(text)
    except MalformedError as exc:
        place = Place(str(path), exc.line, exc.column)
        raise ConfigError([Problem(place, exc.message)]) from None
    if node is None:
        raise ConfigError([Problem(Place(str(path), 1, 1), "the file is empty")])
    document.build(node)
    return document


def _parser(path: Path, text: str) -> Callable[[str], Node | None]:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return parse_json
    if suffix in (".yaml", ".yml") or not text.lstrip().startswith("{"):
        return parse_yaml
    try:
        parse_json(text)
    except MalformedError:
        return parse_yaml
    return parse_json
