from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from mermaidx.engines.quickjs_engine import Engine  # type: ignore[import-untyped]

from massgraph.backends.errors import MissingError
from massgraph.graphs import drawing
from massgraph.graphs.drawing import mermaid, png, svg, to_json
from massgraph.graphs.shape import Shape, shape

from .teams import NAMES, team

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

THREE = ("alice", "bob", "carol")
NASTY = ("style", "end-user", "a--b", "a__b", "a-", "graph-x", "default", "x", "o", "style_act")


class State(TypedDict):
    x: int


async def nothing(state: State) -> dict[str, Any]:
    return {}


async def chosen(state: State) -> str:
    return "over"


def nested() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph in a graph in a graph, whose names mean something to Mermaid."""
    inner = StateGraph(State)
    inner.add_node("deep", nothing)
    inner.add_edge(START, "deep")
    inner.add_conditional_edges("deep", chosen, {'"again" <b>|': "deep", "over": END})
    middle = StateGraph(State)
    middle.add_node("inner box", inner.compile())
    middle.add_node('__x__ *b* <i> "q" #1;', nothing)
    middle.add_edge(START, "inner box")
    middle.add_edge("inner box", '__x__ *b* <i> "q" #1;')
    middle.add_edge('__x__ *b* <i> "q" #1;', END)
    outer = StateGraph(State)
    outer.add_node("subgraph", middle.compile())
    outer.add_node("1. end", nothing)
    outer.add_edge(START, "subgraph")
    outer.add_edge("subgraph", "1. end")
    outer.add_edge("1. end", END)
    return outer.compile()


def words(picture: str) -> list[str]:
    """Return the texts of a picture."""
    root = ET.fromstring(picture)
    paragraphs = root.iter("{http://www.w3.org/1999/xhtml}p")
    return ["".join(p.itertext()).strip() for p in paragraphs if "".join(p.itertext()).strip()]


def said(drawn: Shape, outer: str | None = None) -> list[str]:
    """Return the texts that a picture of this shape has: each name and each label once."""
    found = [edge["label"] for edge in drawn["edges"] if edge["label"]]
    ends = [e for e in drawn["edges"] if e["target"].endswith("__end__")]
    for node in drawn["nodes"]:
        if "graph" in node:
            found += said(node["graph"], node["name"])
        elif node["kind"] == "start":
            found.append(outer or "START")
        elif not (outer and node["kind"] == "end" and [e["conditional"] for e in ends] == [False]):
            found.append(node["name"])
    return found


@pytest.mark.parametrize(("ids", "xray"), [(THREE, False), (THREE[:1], True)])
def test_a_picture_says_everything(ids: tuple[str, ...], xray: bool) -> None:
    """Each node and each label is in the picture, once, and nothing else is."""
    graph = team(*ids)
    assert sorted(words(svg(graph, xray=xray))) == sorted(said(shape(graph, xray=xray)))


@pytest.mark.parametrize("graph", [team(*NASTY), nested()], ids=["agents", "nested"])
def test_any_name_is_drawn(graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    """Names that mean something to Mermaid are drawn as they are, those of ten agents, too."""
    assert sorted(words(svg(graph, xray="first"))) == sorted(said(shape(graph, xray="first")))


def test_a_picture_needs_nothing_else() -> None:
    """A picture has no script and no address to fetch from, and its ground is white."""
    picture = svg(team(*THREE), xray=False)
    tags = {element.tag.rpartition("}")[2].lower() for element in ET.fromstring(picture).iter()}
    assert tags.isdisjoint({"script", "image", "use", "a", "link", "iframe"})
    assert "@import" not in picture
    assert "@font-face" not in picture
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", picture))
    addresses = set(re.findall(r"https?://[^\"'\s<]+", picture))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
    assert "background-color: white" in picture


def test_png_is_white_and_scaled() -> None:
    """A PNG has the size of the picture times its scale, and a white corner."""
    graph = team(*THREE)
    small, large = (png(graph, xray=False, scale=scale) for scale in (0.5, 1))
    assert small.startswith(b"\x89PNG\r\n")
    width, height = size(large)
    assert size(small) == pytest.approx((width / 2, height / 2), abs=1)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg(graph, xray=False))
    assert box is not None
    assert (width, height) == pytest.approx([float(n) for n in box.groups()], abs=1)
    assert first_pixel(small)[:3] == b"\xff\xff\xff"


def size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def first_pixel(data: bytes) -> bytes:
    """Return the bytes of the upper left pixel; no filter changes the first one."""
    rest, image = data[8:], b""
    while rest:
        (length,), kind = struct.unpack(">I", rest[:4]), rest[4:8]
        image += rest[8 : 8 + length] if kind == b"IDAT" else b""
        rest = rest[12 + length :]
    return zlib.decompress(image)[1:5]


def test_a_drawing_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a graph is drawn, as SVG or as PNG, it is laid out once."""
    rendered: list[str] = []
    render = Engine.render_svg

    def counted(self: Engine, code: str, *args: Any) -> Any:
        rendered.append(code)
        return render(self, code, *args)

    monkeypatch.setattr(Engine, "render_svg", counted)
    first = svg(nested(), xray=False)
    assert svg(nested(), xray=False) == first
    assert png(nested(), xray=False) is png(nested(), xray=False)
    assert len(rendered) == 1


@pytest.mark.parametrize("xray", [False, True, "first"])
def test_mermaid_is_the_same_every_time(xray: Any) -> None:
    """The text depends on the graph alone, and so does the data."""
    one, other = team(*NAMES[:4]), team(*NAMES[:4])
    assert mermaid(one, xray=xray) == mermaid(other, xray=xray)
    assert to_json(one, xray=xray) == to_json(other, xray=xray)


def test_mermaid_reads_like_the_machine() -> None:
    """The text has a line for each box and each arrow, under the names of the machine."""
    lines = [line.strip() for line in mermaid(team(*THREE), xray=False).splitlines()]
    assert 'alice("alice"):::opens' in lines
    assert 'collect_votes("collect_votes")' in lines
    assert 'collect_votes -.->|"new_answer"| restart' in lines
    assert "open_round -.-> bob" in lines
    assert "carol --> collect_votes" in lines


def test_an_open_agent_is_a_frame() -> None:
    """Arrows enter an open agent under its name, and leave it from its last step."""
    lines = [line.strip() for line in mermaid(team(*THREE)).splitlines()]
    assert 'subgraph bob_frame[" "]' in lines
    assert "open_round -.-> bob" in lines
    assert "bob --> bob_think" in lines
    assert 'bob_think -.->|"acted"| bob_act' in lines
    assert "bob_act --> collect_votes" in lines


def test_ids_do_not_clash() -> None:
    """Two names that Mermaid would read as one stay two."""
    text = mermaid(team("a-b", "a_b", "alice", "alice_think"))
    assert 'a_b("a-b")' in text
    assert 'a_b_("a_b")' in text
    assert 'alice_think("think")' in text
    assert 'alice_think_("alice_think")' in text


def test_a_picture_without_the_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not installed what draws gets the command that does."""
    monkeypatch.setitem(sys.modules, "mermaidx", None)
    drawing._picture.cache_clear()
    with pytest.raises(MissingError, match=r"Pictures need .*-m pip install 'massgraph\[draw\]'"):
        svg(team("alice"), xray=False)
