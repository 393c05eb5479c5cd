"""Write a shape as the text of a Mermaid flowchart, for GitHub, for editors and for pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .shape import Arrow, Box, Shape

# Straight lines keep to the room that the layout made for their labels; smooth ones do not.
HEAD = """\
---
config:
  flowchart:
    curve: linear
---
flowchart TD
"""

# Every colour of a box is named: on a dark page its text would be light, too.
STYLES = """\
    classDef default fill:#f6f8fa,stroke:#57606a,color:#1f2328
    classDef opens fill:#ddf4ff,stroke:#0969da,color:#1f2328
    classDef terminal fill:#1f2328,stroke:#57606a,color:#ffffff
    classDef frame fill:none,stroke:#0969da
"""

CLASSES = {"start": ":::terminal", "end": ":::terminal", "graph": ":::opens", "node": ""}

RESERVED = re.compile(
    "end|subgraph|graph|flowchart|style|click|default|class|classDef|linkStyle|direction|href|call"
    "|interpolate|hasOwnProperty|_self|_blank|_parent|_top",
    re.IGNORECASE,
)
"""Words that Mermaid does not take for an id, at least not everywhere."""


def flowchart(shape: Shape) -> str:
    """Return a shape as the text of a Mermaid flowchart.

    An open box is drawn as a frame. Arrows enter it at its start, which is drawn as the box itself,
    and leave it where its graph ends.
    """
    lines = _Writer().lines(shape, None)
    return HEAD + "".join(f"    {line}\n" for line in lines) + STYLES


class _Writer:
    """Writes shapes, and remembers the Mermaid id of each box."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def lines(self, shape: Shape, outer: Box | None) -> Iterator[str]:
        """Write what is inside a box, or the whole graph: boxes in order, then arrows."""
        hidden = _last_arrow(shape) if outer else None
        for box in shape["nodes"]:
            if "graph" in box:
                yield from self._frame(box, box["graph"])
            elif outer and box["kind"] == "start":
                yield self._box(outer)
            elif not (hidden and box["kind"] == "end"):
                yield self._box(box)
        boxes = {box["id"]: box for box in shape["nodes"]}
        order = {box: number for number, box in enumerate(boxes)}
        # From the last box to the first: so agents stand in order, from left to right.
        for arrow in sorted(shape["edges"], key=lambda a: -order[a["source"]]):
            if arrow is not hidden:
                source = boxes[arrow["source"]]
                begins = outer["id"] if outer and source["kind"] == "start" else _exit(source)
                yield f"{self._id(begins)} {_line(arrow)} {self._id(arrow['target'])}"

    def _frame(self, box: Box, inner: Shape) -> Iterator[str]:
        frame = self._id(box["id"] + ":frame")
        yield f'subgraph {frame}[" "]'
        for line in self.lines(inner, box):
            yield f"    {line}"
        yield "end"
        yield f"class {frame} frame"

    def _box(self, box: Box) -> str:
        return f"{self._id(box['id'])}({_quoted(box['name'])}){CLASSES[box['kind']]}"

    def _id(self, name: str) -> str:
        """Return an id that no other box has, and as much of the name as Mermaid can read."""
        if name not in self._ids:
            word = re.sub(r"\W", "_", name, flags=re.ASCII)
            while RESERVED.fullmatch(word) or word in self._ids.values():
                word += "_"
            self._ids[name] = word
        return self._ids[name]


def _line(arrow: Arrow) -> str:
    label = f"|{_quoted(arrow['label'])}|" if arrow["label"] else ""
    return ("-.->" if arrow["conditional"] else "-->") + label


def _exit(box: Box) -> str:
    """Return the id of what an arrow out of a box begins at: inside, when the box is open."""
    inner = box.get("graph")
    if inner is None:
        return box["id"]
    last = _last_arrow(inner)
    leaves = last["source"] if last else next((b["id"] for b in _ends(inner)), None)
    found = next((b for b in inner["nodes"] if b["id"] == leaves), None)
    return box["id"] if found is None or found["kind"] == "start" else _exit(found)


def _last_arrow(shape: Shape) -> Arrow | None:
    """Return the arrow to the end, if it is a single plain one: then the end need not be drawn."""
    ends = {box["id"] for box in _ends(shape)}
    arrows = [arrow for arrow in shape["edges"] if arrow["target"] in ends]
    return arrows[0] if len(arrows) == 1 and not arrows[0]["conditional"] else None


def _ends(shape: Shape) -> list[Box]:
    return [box for box in shape["nodes"] if box["kind"] == "end"]


def _quoted(text: str) -> str:
    """Return a text in quotes, whatever could mean something to Mermaid written as its code."""
    coded = re.sub(r"[^\w -]|^_|_$", lambda found: f"#{ord(found[0])};", text)
    return f'"{coded}"'
