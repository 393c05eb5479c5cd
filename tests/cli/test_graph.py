"""`massgraph graph`: the machine of a config, drawn without calling anybody."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from .conftest import Cli

KEYLESS = "agents: [{id: zoe, backend: {type: chat_completions, model: m, api_key_env: NOPE}}]"


def test_mermaid(cli: Cli, folder: Path) -> None:
    """By default it is Mermaid on stdout; no key is needed."""
    (folder / "keyless.yaml").write_text(KEYLESS)
    ended = cli("graph", "-c", "keyless.yaml")
    assert (ended.status, ended.err) == (0, "")
    assert "flowchart TD" in ended.out.decode()
    assert "zoe" in ended.out.decode()


def test_json(cli: Cli) -> None:
    """As data, opened or not."""
    opened = cli("graph", "-c", "team.yaml", "--format", "json")
    closed = cli("graph", "-c", "team.yaml", "--format", "json", "--no-xray")
    assert set(opened.json) == {"nodes", "edges"}
    assert "use_tools" in opened.out.decode()
    assert "use_tools" not in closed.out.decode()


def test_a_file(cli: Cli, folder: Path) -> None:
    """With -o stdout is empty."""
    ended = cli("graph", "-c", "team.yaml", "-o", "team.mmd")
    assert (ended.status, ended.out) == (0, b"")
    assert "flowchart TD" in (folder / "team.mmd").read_text()


def test_pictures(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are bytes as they come from the drawing."""
    monkeypatch.setattr("massgraph.graphs.drawing.svg", lambda graph, xray: "<svg/>")
    monkeypatch.setattr("massgraph.graphs.drawing.png", lambda graph, xray: b"\x89PNG\r\n")
    assert cli("graph", "-c", "team.yaml", "--format", "svg").out == b"<svg/>\n"
    assert cli("graph", "-c", "team.yaml", "--format", "png").out == b"\x89PNG\r\n"


def test_a_png_is_not_for_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's terminal is spared."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    ended = cli("graph", "-c", "team.yaml", "--format", "png")
    assert ended.status == 2
    assert "-o graph.png" in ended.err


@pytest.mark.parametrize(("form", "said"), [("dot", "is not supported yet"), ("gif", "is no format")])  # fmt: skip
def test_other_formats(form: str, said: str, cli: Cli) -> None:
    """A format that is not built is refused by its name."""
    ended = cli("graph", "-c", "team.yaml", "--format", form)
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err == f"massgraph: error: --format {form} {said}; supported: mermaid, json, svg, png.\n"  # fmt: skip


def test_what_a_graph_of_ones_own_prints(cli: Cli, folder: Path) -> None:
    """It goes to stderr: stdout is the drawing, or nothing."""
    (folder / "chatty.py").write_text(
        "from massgraph.graphs.coordination import coordination\n"
        "def talking(members, policy):\n    print('noise')\n"
        "    return coordination(members, policy)\n"
    )
    words = ("-c", "team.yaml", "--graph", "chatty:talking")
    ended = cli("graph", *words, "--format", "json")
    assert set(ended.json) == {"nodes", "edges"}
    assert "noise" in ended.err
    text = (folder / "team.yaml").read_text()
    (folder / "chatty.yaml").write_text(f"graph: 'chatty:talking'\n{text}")
    ended = cli("validate", "chatty.yaml")
    assert (ended.status, ended.out) == (0, b"")
    assert "noise" in ended.err
