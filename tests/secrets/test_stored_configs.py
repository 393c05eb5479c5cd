"""A config that is stored with a thread has no key in it, wherever somebody has put one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from massgraph.backends.errors import UserError
from massgraph.config.document import Document
from massgraph.config.stored import restored_document, stored_config

from .canaries import Canaries

KEY = Canaries().key("config")
PLAIN = Canaries().plain("config")


def backend(**options: Any) -> Mapping[str, Any]:
    """Return a config of one agent with these options of its backend."""
    return {"agent": {"id": "a", "backend": {"type": "openai", **options}}}


def server(**options: Any) -> Mapping[str, Any]:
    """Return a config of an MCP server."""
    return {"mcp_servers": {"s": options}}


PLACES: Mapping[str, Mapping[str, Any]] = {
    "api_key": backend(api_key=KEY),
    "another word for it": backend(accessToken=KEY),
    "as a header is called": backend(**{"X-API-Key": KEY}),
    "more than one": backend(api_keys=[KEY]),
    "with a name": backend(credentials={"user": KEY}),
    "deep down": backend(extra_body={"a": [{"auth": {"is": [KEY]}}]}),
    "a header": backend(extra_headers={"X-Gate": KEY}),
    "a header behind a variable": backend(extra_headers={"X-Gate": f"${{NAME}} {KEY}"}),
    "a header as a list": backend(extra_headers={"X-Gate": [KEY]}),
    "a password in a URL": backend(base_url=f"http://me:{PLAIN}@127.0.0.1/v1"),
    "a user in a URL": backend(base_url=f"http://{PLAIN}@127.0.0.1/v1"),
    "a URL that is none": backend(base_url=f"http://me:{PLAIN}@[127.0.0.1/v1"),
    "a URL in a sentence": {"agent": {"system_message": f"See http://me:{PLAIN}@x.example now."}},
    "a key in a sentence": {"agent": {"system_message": f"Your key: sk-ant-{PLAIN}, so go on."}},
    "all agents": {"backend_params": {"api_key": KEY}},
    "env of a server": server(command="x", env={"WHATEVER": KEY}),
    "headers of a server": server(url="http://x", headers={"X": KEY}),
    "query of a server": server(url=f"http://x/mcp?q={PLAIN}"),
    "a flag and its value": server(command="x", args=["--api-key", KEY]),
    "a flag with its value": server(command="x", args=[f"--token={KEY}"]),
    "a variable of a container": server(command="x", args=["-e", f"GITHUB_TOKEN={KEY}"]),
    "a header of a bridge": server(command="x", args=["--header", f"Authorization: Bearer {KEY}"]),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_key_is_stored(place: str) -> None:
    """It is left out, and that is told when a run is to go on with the config."""
    canaries = Canaries()
    canaries.key("config")
    config = PLACES[place]
    assert canaries.found_in(json.dumps(config)), "it is there to begin with"
    stored = stored_config(Document("team.yaml", config))
    assert canaries.found_in(stored) == set()
    if place in ("api_key", "all agents"):  # a key of the environment takes its place
        assert restored_document(stored).value is not None
        return
    with pytest.raises(UserError, match=r"stored without \S+: give the config itself"):
        restored_document(stored)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOME_API_KEY", KEY),
        ("SOME_API_KEY_2", KEY),
        ("GITHUB_PAT", KEY),
        ("DATABASE_URL", f"postgresql://me:{PLAIN}@host/name"),
        ("ANY_NAME", KEY),
    ],
)
def test_no_key_of_the_environment_is_stored(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a config repeats one, also in the middle of a text."""
    monkeypatch.setenv(variable, value)
    canaries = Canaries()
    said = canaries.plain("config") if "URL" in variable else canaries.key("config")
    config = {
        "agent": {
            "backend": {"api_key_env": "ANY_NAME", "user": said},
            "system_message": f"<{said}>",
        }
    }
    assert canaries.found_in(stored_config(Document("team.yaml", config))) == set()


def test_what_is_no_secret_stays() -> None:
    """A config that names its secrets, and numbers, words and schemas that look alike, is whole."""
    config = {
        "backend_params": {"max_tokens": 5, "api_key_env": "SOME_KEY", "prompt_cache": True},
        "agents": [{"id": "key", "system_message": "Each token counts: a=b, see http://x/@me?q=1"}],
        "mcp_servers": {
            "s": {"command": "x", "args": ["--port", "1", "a=b"], "env": {"A": "${SOME_TOKEN}"}},
            "t": {"url": "http://x/mcp", "headers": {"Authorization": "Bearer ${SOME_TOKEN}"}},
        },
        "policy": {
            "weights": {"key": 2},
            "output_type": {"properties": {"token": {"type": "string"}}},
        },
    }
    assert restored_document(stored_config(Document("x", config))).value == config
