"""The tables of docs/accuracy.md, made from a study."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .cell import Cell, sampled
from .grid import PARTS, RULES, SAMPLES, Part, cells
from .intervals import paired
from .results import Study

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
PLACE = re.compile(r"(<!-- ([a-z ]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
"""Where a table stands on the page, and its name."""
HEAD = (
    "|  | right, % | calls | tokens | s | alone, % | sampled, as many calls | as many tokens |",
    "|---|---|---|---|---|---|---|---|",
)
RIGHT = ("40 %", "60 %", "90 %")
SHARED = "one taste in words, skill 0.8"
PAIRS = {
    "restart": [
        *(
            (f"revisions right {right}, finish", f"revisions right {right}, cancel")
            for right in RIGHT
        ),
        *((f"revisions right {right}, cancel", "nobody revises") for right in RIGHT),
    ],
    "rule": [
        *(
            (f"{rule}, skill {skill}", f"plurality, skill {skill}")
            for skill in ("0.6", "0.8")
            for rule in RULES[1:]
        ),
        *((f"{rule}, {SHARED}", f"plurality, {SHARED}") for rule in ("borda", "ranked")),
    ],
    "graph": [
        (f"{graph}, skill {skill}", f"team, skill {skill}")
        for skill in ("0.6", "0.8")
        for graph in ("council", "debate")
    ],
    "voter": [
        (f"{voters}, skill {skill}", f"all worded differently, skill {skill}")
        for skill in ("0.6", "0.8")
        for voters in ("one taste in words", "equal texts")
    ],
}
"""Rows of a part that are compared with another one, question by question."""


def with_tables(page: str, study: Study) -> str:
    """Return the page with the tables of a study."""
    found = tables(study)

    def filled(place: re.Match[str]) -> str:
        begin, name, end = place.groups()
        return "".join((begin, *(f"{line}\n" for line in found[name]), end))

    return PLACE.sub(filled, page)


def tables(study: Study) -> dict[str, list[str]]:
    """Return the lines of all tables, by the names of their places."""
    parts = {part.name: table(part, study) for part in PARTS}
    pairs = {f"{p.name} pairs": list(_pairs(p, study)) for p in PARTS if p.name in PAIRS}
    return {**parts, **pairs, "checks": list(_checks(study))}


def verdict(cell: Cell, study: Study) -> str:
    """Return how a cell does beside self-consistency with as many calls."""
    low, high = study.interval(cell)
    other = sampled(cell, samples_for_calls(cell, study))
    return "better" if other < low else "worse" if other > high else "level"


def samples_for_calls(cell: Cell, study: Study) -> int:
    """Return how many samples take as many calls as a cell."""
    return int(study.calls(cell) + 1e-9)


def samples_for_tokens(cell: Cell, study: Study) -> int:
    """Return how many samples take as many tokens as a cell; at least one."""
    return max(1, int(study.tokens(cell) / (study.tokens(SAMPLES) / SAMPLES.size) + 1e-9))


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.1f}"


def table(part: Part, study: Study) -> list[str]:
    """Return the lines of the table of a part."""
    return [*HEAD, *_rows(part, study)]


def _rows(part: Part, study: Study) -> Iterator[str]:
    for label, cell in part.rows.items():
        low, high = study.interval(cell)
        columns: Sequence[str] = (
            label,
            f"**{percent(study.share(cell))}** ({percent(low)} - {percent(high)})",
            f"{study.calls(cell):.1f}",
            f"{study.tokens(cell):,.0f}",
            f"{study.seconds(cell):.0f}",
            percent(cell.alone),
            *_samplings(cell, study),
        )
        yield f"| {' | '.join(columns)} |"


def _samplings(cell: Cell, study: Study) -> tuple[str, str]:
    if cell.graph in ("single", "self_consistency"):
        return "", ""
    by_calls, by_tokens = samples_for_calls(cell, study), samples_for_tokens(cell, study)
    return (
        f"{percent(sampled(cell, by_calls))} ({by_calls}): {verdict(cell, study)}",
        f"{percent(sampled(cell, by_tokens))} ({by_tokens})",
    )


def _pairs(part: Part, study: Study) -> Iterator[str]:
    yield "| on the same questions | rather than | points |"
    yield "|---|---|---|"
    for one, other in PAIRS[part.name]:
        first, second = (study.scores[part.rows[label].name].right for label in (one, other))
        more, low, high = (100 * value for value in paired(first, second))
        yield f"| {one} | {other} | {more:+.1f} ({low:+.1f} to {high:+.1f}) |"


def _checks(study: Study) -> Iterator[str]:
    known = {name: cell.theory for name, cell in cells().items() if cell.theory is not None}
    inside = 0
    for name, theory in known.items():
        low, high = study.interval(cells()[name])
        inside += low <= theory <= high
    yield f"Each of {len(study.scores)} teams was asked the same {study.questions:,} questions"
    yield f"(seed {study.seed}). For {len(known)} of them the accuracy can be computed exactly;"
    yield f"the intervals of {inside} hold it, where at 95 % one expects about"
    yield f"{0.95 * len(known):.0f}."
