"""`massgraph schema`: what an editor is told of configs, and a reader of events and results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from massgraph.backends.provider import PROVIDERS
from massgraph.config import ConfigError, load_document
from massgraph.config.document import Document
from massgraph.config.files import SHIPPED
from massgraph.config.json_schema import config_schema
from massgraph.nodes.policy import PolicyFields
from tests.docs.blocks import blocks

from .conftest import ROOT, Cli

CONFIGS = [*SHIPPED.glob("*.yaml"), *(ROOT / "examples").glob("*.yaml")]
LOCAL = {"agents": [{"backend": "local"}]}
MISTAKES: list[dict[str, Any]] = [
    {},
    {"agents": []},
    {**LOCAL, "polcy": {}},
    {**LOCAL, "agent": {"backend": "local"}},
    {**LOCAL, "graph": "teem"},
    {**LOCAL, "policy": {"rule": 3}},
    {**LOCAL, "policy": {"quorum": 0}},
    {**LOCAL, "policy": {"idle_timeout_s": 0}},
    {**LOCAL, "policy": {"on_new_answer": "wait"}},
    {**LOCAL, "policy": []},
    {**LOCAL, "ui": {"display_type": "fancy"}},
    {**LOCAL, "mcp_servers": {"time": {"comand": "x"}}},
    {**LOCAL, "backend_params": {"temprature": 1}},
    {"agents": [{"id": "1x", "backend": "local"}]},
    {"agents": [{"backend": "local", "tools": "calculator"}]},
    {"agents": [{"backend": "local", "budget": {"max_calls": 1.5}}]},
    {"agents": [{"backend": "local", "preset": "reserch"}]},
    {"agents": [{"backend": {"type": "claud"}}]},
    {"agents": [{"backend": {"type": "openai", "model": "gpt-5.4", "modle": "x"}}]},
    {"agents": [{"backend": {"model": "gpt-5.4", "temperature": "hot"}}]},
    {"agents": [{"backend": {"type": "local", "temperature": -1}}]},
    {"agents": [{"backend": {"type": "scripted", "turns": [{"txt": "x"}]}}]},
    {"agents": [{"backend": {"type": "chat_completions", "enable_web_search": True}}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of configs."""
    return config_schema()


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """What checks configs by it."""
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_fits(path: Path, validator: Draft202012Validator) -> None:
    """What comes with massgraph is marked by no editor."""
    validator.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.name)
def test_every_documented_config_fits(block: Any, validator: Draft202012Validator) -> None:
    """Nor is what the documentation shows."""
    validator.validate(yaml.safe_load(block.text))


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_mistakes_are_found(mistake: dict[str, Any], validator: Draft202012Validator) -> None:
    """What the loader refuses in one place, an editor marks."""
    assert not validator.is_valid(mistake)
    with pytest.raises(ConfigError):
        load_document(Document("x", json.loads(json.dumps(mistake))))


@pytest.mark.parametrize("kind", ["openai", "OpenAI", "OPENAI"])
def test_a_provider_is_known_in_any_case(kind: str, validator: Draft202012Validator) -> None:
    """As the loader has it, also as a default; and its keys are checked all the same."""
    backend = {"type": kind, "model": "gpt-6.1-terra", "api_key": "k"}
    for config in (
        {"agents": [{"backend": backend}]},
        {"agents": [{"backend": {**backend, "type": "openai"}}], "backend_params": {"type": kind}},
    ):
        validator.validate(config)
        assert not load_document(Document("x", json.loads(json.dumps(config)))).warnings
    assert not validator.is_valid({"agents": [{"backend": {**backend, "modle": "x"}}]})


def test_an_editor_is_told_where(validator: Draft202012Validator) -> None:
    """A key that is wrong is named, not the whole agent around it."""
    [error] = validator.iter_errors({"agents": [{"backend": {"type": "openai", "modle": "x"}}]})
    assert error.json_path == "$.agents[0].backend"
    assert "'modle' was unexpected" in error.message


def described(schema: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Give out every key of an object, and whether it is described."""
    if isinstance(schema, dict):
        conditional = path.rsplit("/", 1)[-1] in ("if", "expert")
        for name, said in schema.get("properties", {}).items():
            if isinstance(said, dict) and not conditional:
                yield f"{path}.{name}", bool(said.get("description"))
        for name, inner in schema.items():
            yield from described(inner, f"{path}/{name}")
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from described(inner, f"{path}/{number}")


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    """Whoever points at a key reads what it is for."""
    assert [name for name, told in described(schema) if not told] == []
    policy = schema["$defs"]["Policy"]["properties"]
    assert policy.keys() == PolicyFields.model_fields.keys()
    assert {f"{name}_backend" for name in PROVIDERS} <= schema["$defs"].keys()


@pytest.mark.parametrize("kind", ["config", "events", "result"])
def test_the_command(kind: str, cli: Cli) -> None:
    """It prints the schema, of draft 2020-12, and nothing else."""
    ended = cli("schema", kind)
    assert (ended.status, ended.err) == (0, "")
    assert ended.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert ended.json["title"]
    Draft202012Validator.check_schema(ended.json)


def test_a_real_result_fits(cli: Cli) -> None:
    """What --json prints is what the schema says."""
    result = cli("run", "-c", "team.yaml", "--json", "--quiet", "Q?").json
    Draft202012Validator(cli("schema", "result").json).validate(result)


def test_a_file(cli: Cli, folder: Path) -> None:
    """With -o stdout is empty; an unknown kind is refused."""
    ended = cli("schema", "config", "-o", "s.json")
    assert (ended.status, ended.out) == (0, b"")
    assert json.loads((folder / "s.json").read_text())["title"] == "massgraph config"
    assert cli("schema", "configs").status == 2
