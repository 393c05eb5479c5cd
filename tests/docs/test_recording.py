"""The README's moving picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "record.py"


@pytest.fixture(scope="module")
def record() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["record"] = module  # where its dataclasses look for their types
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_live_view_shows(record: ModuleType) -> None:
    """It is drawn from the recorded run by the rendering that there is now; it is no large file."""
    text = record.PICTURE.read_text(encoding="utf-8")
    assert text == record.recording(), "docs/img/live.svg is out of date; redraw it: make recording"
    assert len(text.encode()) < 600_000


def test_the_picture_stands_where_nothing_moves(record: ModuleType) -> None:
    """One frame is seen without its animation, and every row that a frame has is there."""
    tree = ET.parse(record.PICTURE)
    name = "{http://www.w3.org/2000/svg}"
    groups = tree.findall(f".//{name}g[@class]")
    assert [group.get("class") for group in groups].count("f still") == 1
    rows = {group.get("id") for group in tree.findall(f".//{name}defs/{name}g")}
    used = {str(use.get("href")).removeprefix("#") for use in tree.findall(f".//{name}use")}
    assert used == rows
