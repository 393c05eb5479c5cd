"""The text of a config: what is read, what is refused, and how soon."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from massgraph.config import ConfigError, load_config
from massgraph.config.json_source import parse_json
from massgraph.config.syntax import MalformedError
from massgraph.config.yaml_source import parse_yaml, plain_value

from .conftest import TEAM, Load, Refused

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("---\n", "2:1: the file is empty"),
        ("a team", "1:1: a config is a mapping"),
        ("- a\n- b\n", "1:1: a config is a mapping"),
        ("graph: team\n---\ngraph: team\n", "2:1: a config is one document; this is a second one"),
        ("graph: team\n  agents: []\n", "2:9: not YAML: mapping values are not allowed in this context"),
        ("graph: {a: 1\n", "2:1: not YAML: did not find expected ',' or '}' while parsing a flow mapping"),
        ("agent:\n\tid: a\n", "2:1: a tab; indent with spaces"),
        ("agent:\n  id: a\n\tbackend: {}\n", "3:1: a tab; indent with spaces"),
        ("graph: a\x07\n", "1:9: not YAML: control characters are not allowed"),
        ("graph: *team\n", "1:8: the alias names no anchor before it"),
        ("graph: &g [*g]\n", "1:12: the alias stands inside what it names"),
        (b"graph: team\nui: caf\xe9\n", "2:8: the file is not UTF-8 text"),
        ("[" * 65 + "]" * 65, "1:65: the document is more than 64 levels deep"),
        ("a: [" + "1, " * 10_000 + "]", "1:29996: the document has more than 10000 nodes, aliases expanded"),
        (BOMB, "5:25: the document has more than 10000 nodes, aliases expanded"),
    ],
)  # fmt: skip
def test_yaml_that_cannot_be_read(text: str | bytes, problem: str, refused: Refused) -> None:
    """What is no YAML mapping within the limits is refused at its place."""
    assert refused(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ui: !fast {}\n", "2:5: tags are not allowed ('!fast')"),
        ("ui: !!map {}\n", "2:5: tags are not allowed ('tag:yaml.org,2002:map')"),
        ("1: a\n", "2:1: a key must be text"),
        ("? [a]\n: b\n", "2:3: a key must be text"),
        ("ui: {}\nui: {}\n", "3:1: the key 'ui' is there already, in line 2"),
        ("policy: {seed: " + "9" * 400 + "}\n", "2:16: the number is too large"),
        ("policy: {seed: .nan}\n", "2:16: a number must be finite"),
        ("policy: {seed: -.inf}\n", "2:16: a number must be finite"),
        ("policy: {seed: 1e999}\n", "2:16: a number must be finite"),
        (f"policy: {{seed: {'9' * 5000}}}\n", "2:16: the number has too many digits"),
        (
            "graph:\n",
            "2:7: graph must be a name: team | single | debate | mixture | council | self_consistency | module:name",
        ),
    ],
)
def test_yaml_that_says_too_much(text: str, problem: str, refused: Refused) -> None:
    """Beside what is right, one thing is refused, at its place, and said once."""
    assert refused(TEAM + text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty"),
        ("[1]", "1:1: a config is a mapping"),
        ("{} {}", "1:4: the document ends here, and something follows"),
        ('{"a": 1,}', "1:9: not JSON: expected a key in double quotes"),
        ('{"a" 1}', "1:6: not JSON: expected ':' after the key"),
        ('{\n\t"a": tru}', "2:7: not JSON: Expecting value"),
        ('{"a": [1 2]}', "1:10: not JSON: expected ',' or ']'"),
        ('{"a": "b', "1:7: not JSON: Unterminated string starting at"),
        ("[" * 100_000, "1:65: the document is more than 64 levels deep"),
        ("[" + "1," * 20_000 + "1]", "1:20000: the document has more than 10000 nodes, aliases expanded"),
        ('{"a": ' + "9" * 5000 + "}", "1:7: the number has too many digits"),
    ],
)  # fmt: skip
def test_json_that_cannot_be_read(text: str, problem: str, refused: Refused) -> None:
    """What is no JSON object within the limits is refused at its place."""
    assert refused(text, name="team.json") == [problem]


def test_json_is_checked_like_yaml(refused: Refused) -> None:
    """Positions, duplicate keys and numbers are told of JSON as well."""
    text = '{"agents": [\r\n\t{"id": "a", "id": "b"}],\n "policy": {"seed": NaN}}'
    assert refused(text, name="team.json") == [
        "2:2: 'backend' is missing: give it a type",
        "2:14: the key 'id' is there already, in line 2",
        "3:21: a number must be finite",
    ]


def test_half_a_character(refused: Refused) -> None:
    """An escape that is half of a character is no text."""
    text = '{"agents": "\\ud83d", "\\ud83d": 1}'
    assert refused(text, name="team.json") == [
        "1:12: the text holds half of a character (a lone surrogate)",
        "1:22: a key must be text",
    ]


def test_json_with_tabs_and_surrogate_pairs(load: Load) -> None:
    """JSON is read as JSON, whatever YAML would make of it."""
    turn = '{"new_answer": "\\ud83d\\ude00"}'
    text = f'{{\t"agent":\n\t{{"id":"a","backend":{{"type":"scripted","turns":[{turn}]}}}}}}'
    for name in ("team.json", "team"):
        (agent,) = load(text, name=name).agents
        assert agent.id == "a"


def test_a_byte_order_mark_is_fine(load: Load) -> None:
    """A file may begin with a byte-order mark, and positions do not count it."""
    assert load("\ufeff" + TEAM).graph.name == "team"
    assert load("\ufeff" + json.dumps({"agents": [{"id": "a", "backend": {"type": "scripted", "turns": [{}]}}]}), name="t.json").agents  # fmt: skip


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "Yes", "NO", "1_000", "12:30", "0b1", "=", "<<"])  # fmt: skip
def test_words_stay_words(word: str) -> None:
    """Only what YAML 1.2 calls a boolean or a number is one."""
    assert plain_value(word) == word


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("False", False), ("~", None), ("", None), ("1e3", 1000.0), ("-07", -7),
     ("0x1F", 31), ("0o17", 15), (".5", 0.5), ("+1.", 1.0)],
)  # fmt: skip
def test_plain_scalars(text: str, value: object) -> None:
    """Plain scalars mean what the core schema of YAML 1.2 says."""
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


def test_not_a_file(folder: Path) -> None:
    """What is no regular file is refused, and a fifo blocks nobody."""
    os.mkfifo(folder / "fifo")
    for name, message in {
        "fifo": "a config is a regular file, and this is none",
        "/dev/null": "a config is a regular file, and this is none",
        ".": "a config is a regular file, and this is none",
        "none.yaml": "there is no such file",
        "a\0b": "the file cannot be read: not a file name",
    }.items():
        with pytest.raises(ConfigError, match=f"{name}:1:1: {message}".replace("\0", ".")):
            load_config(name)


def test_a_misspelt_shipped_config() -> None:
    """A bare name is looked up among the shipped configs, and a near one is suggested."""
    with pytest.raises(ConfigError, match=r"locl:1:1: .*; did you mean 'local'\?"):
        load_config("locl")


def test_longer_than_allowed(refused: Refused) -> None:
    """A million bytes are read, one more is not."""
    comment = "#" * (1_000_000 - len(TEAM))
    assert refused(TEAM + comment + "#") == ["1:1: the file is longer than 1 MB"]


@pytest.mark.parametrize(
    "text",
    [BOMB, "[" * 999_999, "{" * 999_999, "? " * 499_999, "a" * 999_999, "!" * 999_999,
     "&a " * 333_333, '"' + "\\n" * 499_000 + '"', "#\n" * 499_999,
     "\n".join(f"{'k' * 60}{n}: {n}" for n in range(4990))],
    ids=lambda text: f"{text[:3]}...",
)  # fmt: skip
def test_within_a_second(text: str, refused: Refused) -> None:
    """Nothing that fits into a megabyte takes longer than a second."""
    began = time.process_time()
    assert len(refused(text)) <= 101
    assert time.process_time() - began < 1


def test_limits_are_met_exactly() -> None:
    """64 levels and 10,000 nodes are allowed, in both languages."""
    for parse in (parse_yaml, parse_json):
        assert parse("[" * 64 + "]" * 64) is not None
        assert parse("[" + ",".join(["1"] * 9_999) + "]") is not None
        with pytest.raises(MalformedError):
            parse("[" + ",".join(["1"] * 10_000) + "]")
