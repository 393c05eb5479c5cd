"""What is compared with what: a row of cells for each part of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .cell import Cell

BASE = Cell()
SKILLS = (None, 0.6, 0.8, 0.95)
RULES = ("plurality", "majority", "supermajority", "unanimity", "borda", "ranked")
REVISING = replace(BASE, revises=0.15)
SAMPLES = replace(BASE, graph="self_consistency", size=10)
TRAPS = replace(BASE, traps=0.25)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page: label -> cell."""

    name: str
    rows: Mapping[str, Cell]


def skill_word(skill: float | None) -> str:
    """Return how a voting skill is called."""
    return "chance" if skill is None else f"{skill:g}"


def _cell(rule: str, cell: Cell) -> Cell:
    return replace(cell, rule="" if rule == "plurality" and cell.graph == "team" else rule)


ALONE = Part(
    "alone",
    {
        "single": replace(BASE, graph="single", size=1),
        **{
            f"self-consistency, {samples} samples": replace(SAMPLES, size=samples)
            for samples in (5, 10)
        },
    },
)
SIZE = Part(
    "size",
    {
        f"{size} agents, skill {skill_word(skill)}": replace(BASE, size=size, skill=skill)
        for skill, sizes in {
            None: (5,),
            0.6: (3, 5, 9),
            0.8: (1, 2, 3, 5, 7, 9),
            0.95: (3, 5, 9),
        }.items()
        for size in sizes
    },
)
SKILL = Part(
    "skill",
    {
        f"accuracy {accuracy:g}, skill {skill_word(skill)}": replace(
            BASE, accuracy=accuracy, skill=skill
        )
        for accuracy in (0.4, 0.6, 0.8)
        for skill in SKILLS
        if skill is not None or accuracy == BASE.accuracy
    },
)
RULE = Part(
    "rule",
    {
        **{
            f"{rule}, skill {skill:g}": _cell(rule, replace(BASE, skill=skill))
            for rule in RULES
            for skill in (0.6, 0.8)
        },
        **{
            f"{rule}, one taste in words, skill 0.8": _cell(rule, replace(BASE, taste=True))
            for rule in ("plurality", "borda", "ranked")
        },
    },
)
RESTART = Part(
    "restart",
    {
        "nobody revises": BASE,
        **{
            f"revisions right {100 * revised:.0f} %, {policy}": replace(
                REVISING, revised=revised, on_new_answer=policy
            )
            for revised in (0.4, 0.6, 0.9)
            for policy in ("cancel", "finish")
        },
        "revisions not allowed (visibility: none)": replace(REVISING, visibility="none"),
    },
)
GRAPH = Part(
    "graph",
    {
        f"{graph}, skill {skill_word(skill)}": replace(BASE, graph=graph, skill=skill)
        for graph in ("team", "council", "debate")
        for skill in (0.6, 0.8)
    },
)
VOTER = Part(
    "voter",
    {
        **{
            f"{voters}, skill {skill}": replace(BASE, skill=skill, taste=taste, short=short)
            for voters, taste, short in (
                ("all worded differently", False, False),
                ("one taste in words", True, False),
                ("equal texts", False, True),
            )
            for skill in (0.6, 0.8)
        },
        "half of the votes go with the most answers": replace(BASE, follows=0.5),
        "all votes go with the most answers": replace(BASE, follows=1.0),
    },
)
TRAP = Part(
    "trap",
    {
        "self-consistency, 10 samples": replace(TRAPS, graph="self_consistency", size=10),
        "skill 0.6": replace(TRAPS, skill=0.6),
        "skill 0.8": TRAPS,
        "skill 0.8, and traps fool voters, too": replace(TRAPS, fooled=True),
        "all votes go with the most answers": replace(TRAPS, follows=1.0),
    },
)
MIXED = Part(
    "mixed",
    {
        f"0.8 with two of 0.4, skill {skill_word(skill)}": replace(
            BASE, size=3, accuracy=0.4, best=0.8, skill=skill
        )
        for skill in (0.6, 0.8, 0.95)
    },
)
PARTS = (ALONE, SIZE, SKILL, RULE, RESTART, GRAPH, VOTER, TRAP, MIXED)
QUICK = (
    Part("alone", {key: ALONE.rows[key] for key in ("single", "self-consistency, 10 samples")}),
    Part("size", {key: SIZE.rows[key] for key in ("3 agents, skill 0.8", "5 agents, skill 0.8")}),
)


def cells(parts: tuple[Part, ...] = PARTS) -> dict[str, Cell]:
    """Return all cells by name, each once."""
    return {cell.name: cell for part in parts for cell in part.rows.values()}
