from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "draw.py"
REDRAW = "is out of date; redraw it: python docs/draw.py"


@pytest.fixture(scope="module")
def draw() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_shows_the_machine(draw: ModuleType) -> None:
    """The README's diagram is the drawing of the graph that runs."""
    found = draw.BLOCK.search(draw.README.read_text(encoding="utf-8"))
    assert found, "README.md has no block between <!-- drawing --> and <!-- /drawing -->"
    shown = found[0].removeprefix(found[1]).removesuffix(found[2])
    assert shown == draw.block(draw.team()), f"README.md {REDRAW}"


def test_the_pictures_show_the_machine(draw: ModuleType) -> None:
    """The pictures of the documentation were made from the graph that runs."""
    for path, (graph, xray) in draw.pictures().items():
        text = path.read_text(encoding="utf-8")
        assert text.endswith(draw.mark(graph, xray=xray)), f"{path.name} {REDRAW}"
