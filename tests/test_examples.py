"""Every example does what it shows."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from langgraph.graph.state import CompiledStateGraph

from massgraph.config.document import Document
from massgraph.config.graphs import read_graph

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SLOW = {"quickstart", "served"}
"""Teams on the embedded model; the README's program and `make demo` are such, too."""
LAST_LINE = {
    "cassette": "The same again: Two.",
    "chat_model": "name='blue'",
    "critic": "It falls 19.6 metres.",
    "follow_up": "4,806 metres.",
    "human_approval": "settled -- Refund the order.",
    "langgraph_node": "Blue.",
    "mixture_of_teams": "Plant oaks, and fence them off.",
    "own_rule": "Fix the leak first. -- consensus",
    "quickstart": "-- by ",
    "resume": "Interlaken. -- votes of alice, bob",
    "router": "An autumn leaf: it lets go.",
    "served": "",
    "team_tool": "The panel says: Tides: the Moon.",
    "tools": "6 x 7 = 42",
    "watch": "cancelled {'quick': 'An answer after 0.01 s.', 'slow': 'An answer after 0.05 s.'}",
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.soak if path.stem in SLOW else (), id=path.stem)
        for path in EXAMPLES
    ],
)
def test_an_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer who runs it sees what it promises."""
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1].startswith(LAST_LINE[path.stem])


def test_every_example_is_short_and_known() -> None:
    """An example is read in a minute."""
    assert {path.stem for path in EXAMPLES} == set(LAST_LINE)
    assert all(len(path.read_text().splitlines()) <= 60 for path in EXAMPLES)


def test_langgraph_s_tools_find_the_graphs() -> None:
    """Every entry of langgraph.json is a compiled graph."""
    entries = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    for name, entry in entries.items():
        path, _, variable = entry.partition(":")
        found = runpy.run_path(str(ROOT / path))[variable]
        assert isinstance(found, CompiledStateGraph), name
        assert "messages" in found.get_input_jsonschema()["properties"]


@pytest.mark.parametrize("name", ["critic", "mixture_of_teams", "router"])
def test_examples_are_graphs_for_the_command_line(name: str) -> None:
    """The graph of an example is what `--graph examples.NAME:...` takes, as it is."""
    variable = "team" if name == "mixture_of_teams" else "graph"
    document = Document("--graph", {})
    chosen = read_graph(f"examples.{name}:{variable}", document)
    assert document.problems == []
    assert chosen is not None
    assert (chosen.factory is None) == (name != "critic")
