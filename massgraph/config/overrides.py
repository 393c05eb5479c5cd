"""Values that options put over those of a config: `--set policy.rule=majority`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .document import Document
from .problems import ConfigError, Place, Problem, did_you_mean, quoted
from .syntax import MalformedError, Node
from .yaml_source import parse_yaml, plain_value


class _WrongError(Exception):
    """What is wrong with an override."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value for a place of the config.

    Args:
        label: The option that problems name.
        path: Keys, and indices of lists; of `agents`, ids too.
        value: The value: a list in brackets, a mapping in braces, quoted or plain text, as in YAML.
    """

    label: str
    path: tuple[str, ...]
    value: str

    @classmethod
    def parse(cls, text: str, option: str = "--set") -> Self:
        """Return what `key.path=value` says.

        Raises:
            ConfigError: When it says nothing of the kind. It is not repeated: it may be a key.
        """
        path, equals, value = text.partition("=")
        keys = tuple(path.strip().split("."))
        if not equals or not all(keys):
            raise ConfigError([Problem(Place(option), "write it as key.path=value")])
        return cls(f"{option} {'.'.join(keys)}", keys, value)

    def apply(self, document: Document) -> None:
        """Put the value into the document; what is wrong is noted there."""
        if not isinstance(document.value, dict):
            return
        try:
            self._put(document, self._parsed())
        except _WrongError as exc:
            document.problems.append(Problem(Place(self.label), str(exc)))

    def _put(self, document: Document, value: Any) -> None:
        inside: Any = document.value
        keys: list[str | int] = []
        _check_one_agent(self.path, inside)
        for part in self.path[:-1]:
            key = _key(part, inside, keys)
            keys.append(key)
            if isinstance(inside, dict) and inside.get(part) is None:
                inside[key] = {}
                document.put(tuple(keys), Place(self.label))
            inside = inside[key]
        key = _key(self.path[-1], inside, keys)
        inside[key] = value
        document.put((*keys, key), Place(self.label))

    def _parsed(self) -> Any:
        text = self.value.strip()
        inner = Document(self.label)
        try:
            text.encode()
            node = parse_yaml(text) if text[:1] in ("[", "{", '"', "'") else None
            value = inner.build(node or Node("scalar", 1, 1, plain_value(text)))
        except MalformedError as exc:
            raise _WrongError(exc.message) from None
        except UnicodeEncodeError:
            raise _WrongError("the value is not UTF-8 text") from None
        except ValueError:
            raise _WrongError("the number has too many digits") from None
        if inner.problems:
            raise _WrongError(inner.problems[0].message)
        return value


def _check_one_agent(path: tuple[str, ...], document: Mapping[str, Any]) -> None:
    """Raise where `agents` is meant for the one `agent:` of a config."""
    if path[0] == "agents" and "agents" not in document and "agent" in document:
        right = ".".join(("agent", *path[2:]))
        raise _WrongError(f"this config has one 'agent'; write {right}")


def _key(part: str, inside: Any, before: list[str | int]) -> str | int:
    """Return the key, or the index, that a part of a path means.

    Raises:
        _WrongError: When there is none.
    """
    if isinstance(inside, dict):
        return part
    if not isinstance(inside, list):
        raise _WrongError(f"{'.'.join(map(str, before))} is no mapping")
    if part.isascii() and part.isdigit() and len(part) < 9 and int(part) < len(inside):
        return int(part)
    if before == ["agents"]:
        ids = [agent.get("id") for agent in inside if isinstance(agent, dict)]
        if part in ids:
            return ids.index(part)
        near = did_you_mean(part, [name for name in ids if isinstance(name, str)])
        raise _WrongError(f"there is no agent {quoted(part)}{near}")
    raise _WrongError(f"{quoted(part)} is not the index of one of its {len(inside)} items")
