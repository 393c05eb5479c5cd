"""Compare coordination with MassGen 0.0.3: calls, prompt characters, virtual seconds.

    python -m benchmarks.coordination [--only PREFIX] [--out FILE]

Runs every scenario on a virtual clock and prints a row beside the recorded figures of MassGen
0.0.3; exits with 1 when massgraph needs more calls, or decides later by more than 1 ms.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from . import engine_massgraph
from .player import load

HERE = Path(__file__).parent
BASELINE = HERE / "results" / "massgen-0.0.3.json"
LATER_S = 0.001


def calls_allowed(family: str, agents: int, baseline: int) -> tuple[int, int]:
    """Return the fewest and the most calls that a scenario may take."""
    if family.startswith("b_"):
        return 0, min(3 * agents, baseline)
    return 2 * agents, min(2 * agents, baseline)


def compare(scenario: dict[str, Any], baseline: dict[str, Any]) -> dict[str, Any]:
    """Run one scenario and return its row."""
    figures = engine_massgraph.run(scenario)
    least, most = calls_allowed(
        scenario["family"], len(scenario["agents"]), int(baseline["llm_calls"])
    )
    late = figures["wall_s"] - baseline["wall_s"]
    good = (
        figures["outcome"] == "settled"
        and least <= figures["llm_calls"] <= most
        and late <= LATER_S + 1e-9
    )
    return {**figures, "baseline": baseline, "good": good}


def main() -> int:
    """Run, print, and say whether every row is good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    recorded = json.loads(BASELINE.read_text())["scenarios"]
    rows: list[dict[str, Any]] = []
    print(f"{'scenario':20} {'calls':>11} {'prompt chars':>19} {'virtual s':>17}  selected")
    for path in sorted((HERE / "scenarios").glob("*.json")):
        scenario = load(path)
        if not scenario["name"].startswith(options.only):
            continue
        row = compare(scenario, recorded[scenario["name"]])
        rows.append(row)
        base = row["baseline"]
        print(
            f"{row['scenario']:20} {row['llm_calls']:>4} ({base['llm_calls']:>4}) "
            f"{row['prompt_chars']:>8} ({base['prompt_chars']:>8}) "
            f"{row['wall_s']:>7.4f} ({base['wall_s']:>7.4f})  {row['selected']}"
            f"{'' if row['good'] else '  <-- worse'}"
        )
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows and all(row["good"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
