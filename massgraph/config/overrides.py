"""Values that options put over those of a config: `--set policy.rule=majority`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from .document import Document, Keys
from .problems import ConfigError, Place, Problem, did_you_mean, quoted
from .syntax import SyntaxProblem
from .yaml_source import parse_yaml, plain_value


@dataclass(frozen=True, slots=True)
class Override:
    """A value for a place of the config.

    Args:
        label: The option that problems name.
        path: Keys, and indices of lists; of `agents`, ids too.
        value: The value, as YAML.
    """

    label: str
    path: tuple[str, ...]
    value: str

    @classmethod
    def parse(cls, text: str, option: str = "--set") -> Self:
        """Return what `key.path=value` says.

        Raises:
            ConfigError: When it says nothing of the kind; a value, which may be a key, is not
                repeated.
        """
        path, equals, value = text.partition("=")
        keys = tuple(path.strip().split("."))
        if not equals or not all(keys):
            raise ConfigError([Problem(Place(option), "write it as key.path=value")])
        return cls(f"{option} {'.'.join(keys)}", keys, value)

    def apply(self, document: Document) -> None:
        """Put the value into the document; what is wrong is noted there."""
        place = Place(self.label)
        if not isinstance(document.value, dict):
            return
        values = self._values(document, place)
        if values is None:
            return
        inside: Any = document.value
        keys: list[str | int] = []
        for number, part in enumerate(self.path):
            key = _key(part, inside, keys)
            if isinstance(key, Message):
                document.problems.append(Problem(place, key))
                return
            keys.append(key)
            if number == len(self.path) - 1:
                inside[key] = values
                document.put(tuple(keys), place)
            elif isinstance(inside, dict) and key not in inside:
                inside[key] = {}
                document.put(tuple(keys), place)
            inside = inside[key]

    def _values(self, document: Document, place: Place) -> Any:
        """Return the value in a list's brackets, in quotes, or as the plain text it is."""
        text = self.value.strip()
        inner = Document(self.label)
        try:
            text.encode()
            node = parse_yaml(text) if text[:1] in ("[", "{", '"', "'") else None
            value = inner.build(node) if node is not None else _plain(text)
        except SyntaxProblem as exc:
            document.problems.append(Problem(place, exc.message))
        except UnicodeEncodeError:
            document.problems.append(Problem(place, "the value is not UTF-8 text"))
        else:
            document.problems += [Problem(place, found.message) for found in inner.problems]
            return _Null if value is None and not inner.problems else value
        return None


class Message(str):
    """What is wrong with a key."""

    __slots__ = ()


def _plain(text: str) -> Any:
    ...


def _key(part: str, inside: Any, so_far: list[str | int]) -> str | int | Message:
    """Return the key or index that a part of a path means."""
    ...
