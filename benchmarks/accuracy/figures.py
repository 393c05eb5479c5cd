"""The pictures of docs/accuracy.md: the same study gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import exact
from .cell import Cell, sampled
from .grid import BASE, PARTS, REVISING, RULES, SAMPLES, SIZE, SKILLS, skill_word
from .results import Study

FOLDER = Path(__file__).parents[2] / "docs" / "img"
COLOURS = {None: "#666666", 0.6: "#D55E00", 0.8: "#0072B2", 0.95: "#009E73"}
"""By voting skill; distinct for all kinds of sight (Okabe and Ito, "Color universal design")."""
MARKERS = {None: "v", 0.6: "s", 0.8: "o", 0.95: "D"}
SAMPLED = "#CC79A7"
STYLE: Any = {
    "svg.hashsalt": "massgraph",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "errorbar.capsize": 3,
    "lines.markersize": 7,
    "legend.frameon": False,
}


def draw(study: Study, folder: Path) -> list[Path]:
    """Draw all pictures into a folder, and return their paths."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    paths = []
    with plt.rc_context(STYLE):
        for name, picture in PICTURES.items():
            figure = picture(study, plt)
            paths.append(folder / f"accuracy-{name}.svg")
            figure.savefig(paths[-1], metadata={"Date": None}, facecolor="white")
            plt.close(figure)
    return paths


def _size(study: Study, plt: Any) -> Any:
    """Accuracy by team size; lines are exact, points are what the engine came to."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    sizes = range(1, 10)
    for skill in reversed(SKILLS):
        curve = [100 * exact.plurality(size, BASE.accuracy, skill) for size in sizes]
        axes.plot(sizes, curve, color=COLOURS[skill], linewidth=1.2)
        points = [c for c in SIZE.rows.values() if c.skill == skill]
        _points(axes, study, [(cell.size, cell) for cell in points], skill)
    curve = [100 * sampled(SAMPLES, 1 if size == 1 else 2 * size) for size in sizes]
    axes.plot(sizes, curve, color=SAMPLED, linestyle="--", label="self-consistency, as many calls")
    _bars(axes, study, [(SAMPLES.size / 2, SAMPLES)], color=SAMPLED, marker="x")
    axes.set(xlabel="agents", ylabel="right, %", xticks=sizes, ylim=(50, 101))
    axes.set_title("Accuracy by team size (each agent: 60 %; plurality)", loc="left")
    axes.legend(loc="lower left", bbox_to_anchor=(1, 0))
    return figure


def _skill(study: Study, plt: Any) -> Any:
    """Accuracy by voting skill, for three accuracies, beside what the same calls sample."""
    figure, panels = plt.subplots(1, 3, figsize=(9, 4), sharey=True, layout="constrained")
    skills = [None, 0.6, 0.8, 0.95]
    for axes, accuracy in zip(panels, (0.4, 0.6, 0.8), strict=True):
        for place, skill in enumerate(skills):
            cell = replace(BASE, accuracy=accuracy, skill=skill)
            if cell.name in study.scores:
                _points(axes, study, [(place, cell)], skill)
        axes.axhline(100 * accuracy, color="black", linewidth=1, label="alone")
        other = 100 * sampled(replace(SAMPLES, accuracy=accuracy), SAMPLES.size)
        axes.axhline(other, color=SAMPLED, linestyle="--", label="10 samples")
        axes.set_xticks(range(len(skills)), [skill_word(skill) for skill in skills])
        axes.set(xlabel="voting skill", ylim=(30, 101), xlim=(-0.5, 3.5))
        axes.set_title(f"each agent: {100 * accuracy:.0f} %", loc="left")
    panels[0].set_ylabel("right, %")
    lines = [line for line in panels[1].get_lines() if line.get_label() in ("alone", "10 samples")]
    panels[2].legend(handles=lines, loc="lower right")
    return figure


def _rules(study: Study, plt: Any) -> Any:
    """Accuracy and calls by rule."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 4), sharey=True, width_ratios=(3, 2), layout="constrained"
    )
    rows = dict(next(part for part in PARTS if part.name == "rule").rows)
    for skill, shift in ((0.6, 0.12), (0.8, -0.12)):
        cells = [rows[f"{rule}, skill {skill:g}"] for rule in RULES]
        places = [place + shift for place in range(len(RULES))]
        _bars(left, study, zip(places, cells, strict=True), across=True, **_look(skill))
        calls = [study.calls(cell) for cell in cells]
        right.barh(places, calls, height=0.22, color=COLOURS[skill])
    left.axvline(100 * BASE.accuracy, color="black", linewidth=1, label="alone")
    other = 100 * sampled(SAMPLES, SAMPLES.size)
    left.axvline(other, color=SAMPLED, linestyle="--", label="10 samples")
    left.set_yticks(range(len(RULES)), RULES)
    left.invert_yaxis()
    left.set(xlabel="right, %")
    left.set_title("Five agents of 60 %", loc="left")
    right.set(xlabel="calls a question")
    figure.legend(*_once(left), loc="outside lower center", ncols=4)
    return figure


def _restart(study: Study, plt: Any) -> Any:
    """What cancelling changes: accuracy, calls, tokens, seconds."""
    figure, panels = plt.subplots(1, 4, figsize=(10, 3.8), layout="constrained")
    measures: Sequence[tuple[str, Callable[[Cell], float]]] = (
        ("right, %", lambda cell: 100 * study.share(cell)),
        ("calls", study.calls),
        ("tokens, 1,000", lambda cell: study.tokens(cell) / 1000),
        ("seconds", study.seconds),
    )
    revised = (0.4, 0.6, 0.9)
    looks = {"cancel": (-0.2, "#0072B2", "o"), "finish": (0.2, "#E69F00", "s")}
    for axes, (name, measure) in zip(panels, measures, strict=True):
        for policy, (shift, colour, marker) in looks.items():
            cells = [replace(REVISING, revised=r, on_new_answer=policy) for r in revised]
            places = [place + shift for place in range(len(revised))]
            if name == "right, %":
                pairs = zip(places, cells, strict=True)
                _bars(axes, study, pairs, color=colour, marker=marker, label=policy)
            else:
                axes.bar(places, list(map(measure, cells)), 0.38, color=colour)
        nobody = measure(BASE)
        axes.axhline(nobody, color="black", linewidth=1, label="nobody revises")
        axes.set_xticks(range(len(revised)), [f"{100 * r:.0f} %" for r in revised])
        axes.set_title(name, loc="left")
    figure.supxlabel("revisions that are right", fontsize=11)
    figure.legend(*_once(panels[0]), loc="outside upper center", ncols=3)
    return figure


def _cost(study: Study, plt: Any) -> Any:
    """Accuracy by tokens: every team of agents of 60 % beside self-consistency."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    sample = study.tokens(SAMPLES) / SAMPLES.size
    numbers = [1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50]
    curve = [100 * sampled(SAMPLES, number) for number in numbers]
    tokens = [sample * number / 1000 for number in numbers]
    axes.plot(tokens, curve, color=SAMPLED, linestyle="--", label="self-consistency (exact)")
    seen = {
        cell.name: cell
        for part in PARTS
        for cell in part.rows.values()
        if cell.accuracy == BASE.accuracy and not cell.traps and not cell.follows
        if cell.graph not in ("single", "self_consistency") and cell.best is None
    }
    for skill in reversed(SKILLS):
        cells = [cell for cell in seen.values() if cell.skill == skill]
        pairs = [(study.tokens(cell) / 1000, cell) for cell in cells]
        _points(axes, study, pairs, skill)
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="tokens a question, in thousands (logarithmic)", ylabel="right, %")
    axes.set_title("Accuracy by cost (each agent: 60 %)", loc="left")
    axes.legend(loc="lower left", bbox_to_anchor=(1, 0))
    return figure


def _traps(study: Study, plt: Any) -> Any:
    """Accuracy where all mistakes agree, and with a strong agent among weak ones."""
    figure, panels = plt.subplots(2, 1, figsize=(8.5, 5.5), layout="constrained")
    titles = {
        "trap": "Five agents of 60 %; a quarter of the questions are traps",
        "mixed": "One agent of 80 % with two of 40 %",
    }
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        rows = next(part for part in PARTS if part.name == name).rows
        labels, cells = list(rows), list(rows.values())
        _bars(axes, study, enumerate(cells), across=True, color="#0072B2", marker="o")
        best = cells[-1]
        axes.axvline(100 * best.alone, color="black", linewidth=1, label="best agent alone")
        number = 2 * best.size
        text = f"its self-consistency, {number} samples"
        axes.axvline(100 * sampled(best, number), color=SAMPLED, linestyle="--", label=text)
        axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel="right, %", xlim=(50, 100), ylim=(len(labels) - 0.5, -0.5))
        axes.set_title(title, loc="left")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


PICTURES: dict[str, Callable[[Study, Any], Any]] = {
    "size": _size,
    "skill": _skill,
    "rules": _rules,
    "restart": _restart,
    "cost": _cost,
    "traps": _traps,
}
"""Each picture by its name."""


def _look(skill: float | None) -> dict[str, Any]:
    return {
        "color": COLOURS[skill],
        "marker": MARKERS[skill],
        "label": "votes by chance" if skill is None else f"skill {skill:g}",
    }


def _points(
    axes: Any, study: Study, points: Iterable[tuple[float, Cell]], skill: float | None
) -> None:
    _bars(axes, study, points, **_look(skill))


def _bars(
    axes: Any,
    study: Study,
    points: Iterable[tuple[float, Cell]],
    *,
    across: bool = False,
    **look: Any,
) -> None:
    """Draw shares with their intervals; `across` with the share from left to right."""
    places, shares, below, above = [], [], [], []
    for place, cell in points:
        share, (low, high) = study.share(cell), study.interval(cell)
        places.append(place)
        shares.append(100 * share)
        below.append(max(0.0, 100 * (share - low)))  # a share of 1 may lie above by rounding
        above.append(max(0.0, 100 * (high - share)))
    if across:
        axes.errorbar(shares, places, xerr=(below, above), linestyle="none", **look)
    else:
        axes.errorbar(places, shares, yerr=(below, above), linestyle="none", **look)


def _once(axes: Any) -> tuple[list[Any], list[str]]:
    """Return handles and labels of a legend, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    return list(found.values()), list(found)
