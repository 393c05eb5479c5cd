"""Draw the README's picture of the live view, which moves: `python docs/record.py`.

A recorded run is played through the real rendering, at a clock of its own, and each moment becomes
a frame of one SVG. A row that stands in many frames is written once. Where nothing moves, because
a person wants it so or a program can't, the picture stands at `STILL_S`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.color import blend_rgb
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

from massgraph.display.live.fold import take
from massgraph.display.live.frame import Size
from massgraph.display.live.picture import picture
from massgraph.display.live.place import Place
from massgraph.display.live.view import View
from massgraph.nodes.events import Event
from massgraph.record.event_file import read_record

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "examples" / "neptune.jsonl"
PICTURE = ROOT / "docs" / "img" / "live.svg"

SIZE = Size(110, 30)
FRAMES_A_SECOND = 5
STILL_S = 11.0
LAST_S = 5.0
"""Seconds for which the end is shown before the picture begins anew."""

CELL, ROW, FONT = 8.4, 16.4, 14
"""Pixels: a column, a row, and the height of the font."""

MARGIN, BAR = 12, 30

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" \
aria-label="{label}">
<style>
text {{ font: {font}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", \
monospace; white-space: pre }}
.f {{ visibility: hidden }}
.still {{ visibility: visible }}
{styles}
{keyframes}
@media (prefers-reduced-motion: reduce) {{ .f {{ animation: none !important }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="{background}"/>
<circle cx="20" cy="16" r="5.5" fill="#ff5f57"/><circle cx="38" cy="16" r="5.5" fill="#febc2e"/>\
<circle cx="56" cy="16" r="5.5" fill="#28c840"/>
"""


@dataclass
class Drawing:
    """An SVG in the making: styles and rows that have been used so far."""

    styles: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)

    def frame(self, rows: Sequence[Sequence[Segment]]) -> str:
        """Return a frame, as references to its rows."""
        placed: list[str] = []
        for number, row in enumerate(rows):
            drawn = self._row(row)
            if drawn:
                name = self.rows.setdefault(drawn, f"r{len(self.rows)}")
                placed.append(f'<use href="#{name}" y="{number * ROW:.4g}"/>')
        return "".join(placed)

    def _row(self, row: Sequence[Segment]) -> str:
        pieces: list[str] = []
        column = 0
        for style, run in groupby(row, key=lambda segment: segment.style):
            text = "".join(segment.text for segment in run)
            shown = text.strip()
            if shown:
                at = column + cell_len(text) - cell_len(text.lstrip())
                pieces.append(
                    f'<text class="{self._class(style)}" x="{at * CELL:.5g}" '
                    f'textLength="{cell_len(shown) * CELL:.5g}">{escape(shown, quote=False)}</text>'
                )
            column += cell_len(text)
        return "".join(pieces)

    def _class(self, style: Style | None) -> str:
        css = _css(style or Style())
        return self.styles.setdefault(css, f"s{len(self.styles)}")


def _css(style: Style) -> str:
    shade = THEME.foreground_color
    if style.color is not None:
        shade = style.color.get_truecolor(THEME)
    if style.dim:
        shade = blend_rgb(shade, THEME.background_color, 0.45)
    more = "; font-weight: bold" if style.bold else ""
    more += "; font-style: italic" if style.italic else ""
    return f"fill: {shade.hex}{more}"


def moments(events: Sequence[Event]) -> Iterator[tuple[float, list[list[Segment]]]]:
    """Give out the rows of the screen at each moment at which they change."""
    view, shown = View(), None
    waiting = iter(events)
    event = next(waiting, None)
    for tick in range(int((events[-1].t) * FRAMES_A_SECOND) + 2):
        now = tick / FRAMES_A_SECOND
        while event is not None and event.t <= now:
            take(view, event)
            event = next(waiting, None)
        rows = picture(view, SIZE, Place(), min(now, events[-1].t)).rows
        if view.agents and rows != shown:
            yield now, rows
        shown = rows


def recording() -> str:
    """Return the picture."""
    events = list(read_record(RECORD).events)
    drawing = Drawing()
    frames = [(at, drawing.frame(rows)) for at, rows in moments(events)]
    length = frames[-1][0] + LAST_S
    starts = [at for at, _ in frames]
    still = max(number for number, at in enumerate(starts) if at <= STILL_S)
    keyframes, groups = [], []
    for number, (at, frame) in enumerate(frames):
        begin = 100 * at / length if number else 0.0
        end = 100 * starts[number + 1] / length if number + 1 < len(frames) else 100.0
        hidden = "0%{visibility:hidden}" if begin else ""
        keyframes.append(
            f"@keyframes k{number}{{{hidden}{begin:.2f}%{{visibility:visible}}"
            f"{end:.2f}%{{visibility:hidden}}}}"
        )
        kind = "f still" if number == still else "f"
        moving = f"animation:k{number} {length:g}s step-end infinite"
        groups.append(f'<g class="{kind}" style="{moving}">{frame}</g>')
    width = SIZE.width * CELL + 2 * MARGIN
    head = _HEAD.format(
        width=width,
        height=SIZE.height * ROW + BAR + MARGIN,
        label="massgraph's live view: three agents answer, vote, debate and settle",
        font=FONT,
        styles="\n".join(f".{name} {{ {css} }}" for css, name in drawing.styles.items()),
        keyframes="\n".join(keyframes),
        background=THEME.background_color.hex,
    )
    rows = "\n".join(f'<g id="{name}">{row}</g>' for row, name in drawing.rows.items())
    body = "\n".join(groups)
    place = f"translate({MARGIN} {BAR + FONT})"
    return f'{head}<defs>\n{rows}\n</defs>\n<g transform="{place}">\n{body}\n</g>\n</svg>\n'


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(recording(), encoding="utf-8")


if __name__ == "__main__":
    main()
