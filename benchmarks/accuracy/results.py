"""Results of a study: measured by several processes, kept as a JSON file."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .agents import Bill
from .cell import Cell, Score, played
from .intervals import wilson

STORED = Path(__file__).parents[1] / "results" / "accuracy.json"
CHUNK = 100
"""Questions that a process is given at a time; the result does not depend on it."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a study measured.

    Args:
        seed: Of all chance.
        questions: How many each cell was asked.
        scores: By the cells' names.
    """

    seed: int
    questions: int
    scores: Mapping[str, Score]

    def share(self, cell: Cell) -> float:
        """Return how often a cell was right."""
        return sum(self.scores[cell.name].right) / self.questions

    def interval(self, cell: Cell) -> tuple[float, float]:
        """Return the interval of that."""
        return wilson(sum(self.scores[cell.name].right), self.questions)

    def calls(self, cell: Cell) -> float:
        """Return the calls that a question took."""
        return self.scores[cell.name].bill.calls / self.questions

    def tokens(self, cell: Cell) -> float:
        """Return the tokens that a question took, in and out."""
        bill = self.scores[cell.name].bill
        return (bill.input_tokens + bill.output_tokens) / self.questions

    def seconds(self, cell: Cell) -> float:
        """Return how long a question took, by the virtual clock."""
        return self.scores[cell.name].seconds / self.questions


def measured(cells: Mapping[str, Cell], questions: int, *, seed: int = 1, jobs: int = 1) -> Study:
    """Ask every cell the same questions.

    Args:
        cells: The cells by name.
        questions: How many.
        seed: Of all chance.
        jobs: How many processes share the work; 1 for this one alone.
    """
    chunks = [range(at, min(at + CHUNK, questions)) for at in range(0, questions, CHUNK)]
    work = [(name, chunk) for name in cells for chunk in chunks]
    if jobs == 1:
        parts = {(name, chunk): played(cells[name], chunk, seed) for name, chunk in work}
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            waiting = {
                pool.submit(played, cells[name], chunk, seed): (name, chunk) for name, chunk in work
            }
            parts = {}
            for done in as_completed(waiting):
                parts[waiting[done]] = done.result()
                print(f"\r{len(parts)} of {len(work)} parts", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
    scores = {name: sum((parts[name, chunk] for chunk in chunks), start=Score()) for name in cells}
    return Study(seed, questions, scores)


def to_json(study: Study) -> str:
    """Return a study as the text of its file; `right` is a bit a question, the first one left."""
    cells = {
        name: {
            "right": _hexadecimal("".join("01"[right] for right in score.right)),
            "calls": score.bill.calls,
            "input_tokens": score.bill.input_tokens,
            "output_tokens": score.bill.output_tokens,
            "seconds": round(score.seconds, 1),
            "settled_by": dict(sorted(score.settled_by.items())),
        }
        for name, score in study.scores.items()
    }
    found = {"seed": study.seed, "questions": study.questions, "cells": cells}
    return json.dumps(found, indent=1) + "\n"


def from_json(text: str) -> Study:
    """Return the study of a file's text."""
    found = json.loads(text)
    scores = {name: _score(cell, found["questions"]) for name, cell in found["cells"].items()}
    return Study(found["seed"], found["questions"], scores)


def stored() -> Study:
    """Return the study whose results are kept."""
    return from_json(STORED.read_text(encoding="utf-8"))


def _score(cell: Mapping[str, Any], questions: int) -> Score:
    bits = f"{int(cell['right'], 16):0{questions}b}"
    return Score(
        [bit == "1" for bit in bits],
        Bill(cell["calls"], cell["input_tokens"], cell["output_tokens"]),
        cell["seconds"],
        Counter(cell["settled_by"]),
    )


def _hexadecimal(bits: str) -> str:
    return f"{int(bits, 2):0{-(-len(bits) // 4)}x}"
