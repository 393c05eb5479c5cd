"""Whatever a file holds: a team, or a ConfigError, and soon."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from massgraph.config import ConfigError, load_config

from .conftest import TEAM

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

ANY_FILE = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = st.sampled_from(
    ["agents", "agent", "id", "backend", "type", "scripted", "local", "chat_completions", "model",
     "turns", "text", "policy", "weights", "rule", "seed", "ui", "tools", "a:b", "vote", "quorum",
     "backend_params", "api_key", "api_key_env", "base_url", "mcp_servers", "graph", "team"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
    | st.integers(min_value=10**300, max_value=10**320)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip
PIECES = st.sampled_from([*"{}[],:?!&*-#|>'\"%@\t\n\\ ~", "- ", ": ", "\n  ", "&a ", "*a", "!!x ", "---\n", "\r\n", "\x85", "\u2028", "\ufeff", "\ud7ff", "1e9", ".inf", "agents", TEAM])  # fmt: skip


def tried(path: Path, data: bytes) -> None:
    """Load a file: it is a config, or it is refused with places."""
    path.write_bytes(data)
    began = time.process_time()
    problems = None
    try:
        load_config(path)
    except ConfigError as exc:
        problems = exc.problems
    assert problems is None or all(found.place.line and found.place.column for found in problems)
    assert problems != []
    assert time.process_time() - began < 1


@ANY_FILE
@given(data=st.binary(max_size=200) | st.lists(PIECES, max_size=40).map("".join).map(str.encode))
@example(data=b"a: !<tag:yaml.org,2002:python/object> x")
def test_any_text(data: bytes, folder: Path) -> None:
    """Any text is a config or refused."""
    tried(folder / "any.yaml", data)
    tried(folder / "any.json", data)


@ANY_FILE
@given(value=VALUES)
def test_any_values(value: Any, folder: Path) -> None:
    """Any values, keys of configs among them, are a config or refused."""
    data = json.dumps(value, ensure_ascii=True).encode()
    tried(folder / "any.json", data)
    tried(folder / "any.yaml", data)


@ANY_FILE
@given(value=VALUES, key=st.sampled_from(["policy", "ui", "backend_params", "agents", "mcp_servers", "graph", "agent"]))  # fmt: skip
def test_any_section(value: Any, key: str, folder: Path) -> None:
    """Any value of a section of an otherwise right config is taken or refused."""
    agent = {"id": "a", "backend": {"type": "scripted", "turns": [{"new_answer": "x"}]}}
    tried(folder / "any.json", json.dumps({"agents": [agent], key: value}).encode())


@ANY_FILE
@given(options=st.dictionaries(WORDS | st.sampled_from(["temperature", "max_tokens", "seed", "extra_body"]), VALUES, max_size=4))  # fmt: skip
@pytest.mark.parametrize("provider", ["chat_completions", "local", "scripted"])
def test_any_options(options: dict[str, Any], provider: str, folder: Path) -> None:
    """Any options of a backend are taken or refused."""
    backend = {"type": provider, "model": "m", **options}
    tried(folder / "any.json", json.dumps({"agents": [{"backend": backend}]}).encode())
