"""Measure how much of its prompts a provider could serve from its cache.

    python -m benchmarks.caching [--only PREFIX] [--layouts] [--no-roles] [--out FILE]

Plays conversations (conversations.py), and counts the characters of all prompts that an earlier
request of the same agent has sent before, in the ways in which providers do so:

    prefix     the longest common beginning with an earlier prompt
    1024       the same in steps of 128 tokens, from 1,024 tokens on (a token as 4 characters)
    markers    the longest beginning that ended at a marker (backends/prefix.py) in an earlier
               prompt, from 1,024 tokens on
    unmarked   the same for a provider that wants markers and is given none: it sets one itself, at
               the end of each prompt

In a prompt tools come first, then the messages. `team` is `prefix` with the earlier requests of all
agents, who share one model and key; `no tools` is `prefix` where the tools do not come first.
`price` is what the prompts cost with our markers, as a share of their price without a cache, where
reading costs a tenth and writing a quarter more; `price un.` the same with the provider's own.
With `--layouts` other orders of schemas and messages are compared with what is sent; with
`--no-roles` agents have no system message of their own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.conversations import Conversation, Request, play, scenarios
from benchmarks.layouts import LAYOUTS, Layout, as_sent
from massgraph.backends.prefix import cache_points, split_stable

LEAST_CHARS, STEP_CHARS = 4096, 512
READING, WRITING = 0.1, 1.25
"""What a character of a cached prompt costs, where writing has a price."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request as a provider reads it.

    Args:
        agent: Whose it is.
        began: When it was sent, in seconds.
        blocks: Its text, in pieces.
        marked: After how many of them there is a marker.
    """

    agent: str
    began: float
    blocks: tuple[str, ...]
    marked: tuple[int, ...]

    def chars(self, blocks: int | None = None) -> int:
        """Return the length of the first blocks, or of all."""
        return sum(map(len, self.blocks[:blocks]))


def prompt(request: Request, *, tools: bool = True) -> Prompt:
    """Return a request as a provider reads it, with the tools or without."""
    schemas = [json.dumps(tool) for tool in request.tools] if tools else []
    blocks, marked = ["[", *schemas, "]"] if schemas else [], []
    points = dict(cache_points(request.messages))
    for number, message in enumerate(request.messages):
        stable, rest = split_stable(message)
        parts = [*stable, *rest, *getattr(message, "tool_calls", [])]
        begin = len(blocks) + 1
        blocks += [f"<{message.type}>", *map(json.dumps, parts)]
        if number in points:
            inside = points[number]
            marked.append(len(blocks) if inside is None else begin + inside)
    return Prompt(request.agent, request.began, tuple(blocks), tuple(marked))


def by_prefix(now: Prompt, earlier: Iterable[Prompt]) -> int:
    """Return the characters with which an earlier prompt begins, too."""
    return max((_common(now.blocks, one.blocks) for one in earlier), default=0)


def in_steps(now: Prompt, earlier: Iterable[Prompt]) -> int:
    """Return the same in whole steps, and nothing below the least that is cached."""
    return _worth_caching(by_prefix(now, earlier)) // STEP_CHARS * STEP_CHARS


def by_markers(now: Prompt, earlier: Iterable[Prompt]) -> int:
    """Return the characters up to the last marker of an earlier prompt that begins like this."""
    ends = {end for one in earlier for end in one.marked if _begin_alike(now, one, end)}
    most = max(now.marked, default=0)
    return _worth_caching(now.chars(max((end for end in ends if end <= most), default=0)))


def unmarked(now: Prompt, earlier: Iterable[Prompt]) -> int:
    """Return the characters of the longest earlier prompt that this one goes on from."""
    ends = {len(one.blocks) for one in earlier if _begin_alike(now, one, len(one.blocks))}
    return _worth_caching(now.chars(max(ends, default=0)))


def _begin_alike(one: Prompt, other: Prompt, blocks: int) -> bool:
    return one.blocks[:blocks] == other.blocks[:blocks]


def _worth_caching(chars: int) -> int:
    return chars if chars >= LEAST_CHARS else 0


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    chars = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            pairs = enumerate(zip(left, right, strict=False))
            return chars + next((n for n, (a, b) in pairs if a != b), min(len(left), len(right)))
        chars += len(left)
    return chars


Count = Callable[[Prompt, Iterable[Prompt]], int]
COUNTS: Mapping[str, Count] = {
    "prefix": by_prefix,
    "1024": in_steps,
    "markers": by_markers,
    "unmarked": unmarked,
}


def served(prompts: Sequence[Prompt], count: Count, *, team: bool = False) -> list[int]:
    """Return how many characters of each prompt could come from the cache.

    Args:
        prompts: In the order in which they were sent.
        count: How the provider counts.
        team: Whether the requests of other agents help.
    """
    found = []
    for number, now in enumerate(prompts):
        earlier = [one for one in prompts[:number] if one.began < now.began]
        found.append(count(now, [one for one in earlier if team or one.agent == now.agent]))
    return found


def price(prompts: Sequence[Prompt], read: Sequence[int], *, marked: bool) -> int:
    """Return what the prompts cost, in characters of a prompt that is not cached.

    Args:
        prompts: The prompts.
        read: How many characters of each come from the cache.
        marked: Whether what is written ends at our last marker, not at the end of the prompt.
    """
    total = 0.0
    for now, served_chars in zip(prompts, read, strict=True):
        end = _worth_caching(now.chars(max(now.marked) if marked else None))
        written = max(0, end - served_chars)
        total += now.chars() + (WRITING - 1) * written - (1 - READING) * served_chars
    return round(total)


def figures(conversation: Conversation, layout: Layout = as_sent) -> dict[str, int]:
    """Return the characters of all prompts of a conversation, and those that could be served."""
    requests = layout(conversation.requests)
    prompts = [prompt(request) for request in requests]
    bare = [prompt(request, tools=False) for request in requests]
    read = {name: served(prompts, count) for name, count in COUNTS.items()}
    return {
        "requests": len(prompts),
        "chars": sum(one.chars() for one in prompts),
        "chars of no tools": sum(one.chars() for one in bare),
        **{name: sum(chars) for name, chars in read.items()},
        "team": sum(served(prompts, by_prefix, team=True)),
        "no tools": sum(served(bare, by_prefix)),
        "price": price(prompts, read["markers"], marked=True),
        "price un.": price(prompts, read["unmarked"], marked=False),
    }


def shares(rows: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """Return what share of all characters of some conversations could be served."""
    total = {key: sum(row[key] for row in rows) for key in rows[0]}
    return {
        name: round(total[name] / total["chars of no tools" if name == "no tools" else "chars"], 4)
        for name in (*COUNTS, "team", "no tools", "price", "price un.")
    }


def measured(
    only: str = "", *, layouts: bool = False, roles: bool = True
) -> dict[str, dict[str, float]]:
    """Return the shares of each family of scenarios, of all of them, and of other layouts.

    Args:
        only: The beginning of the names of the scenarios to play; all, when empty.
        layouts: Whether to measure other layouts.
        roles: Whether each agent has a system message of its own.
    """
    played = [play(s, roles=roles) for s in scenarios() if s["name"].startswith(only)]
    rows = {one.name: figures(one) for one in played}
    families = dict.fromkeys(one.family for one in played)
    result = {f: shares([rows[one.name] for one in played if one.family == f]) for f in families}
    result["all"] = shares(list(rows.values()))
    for name, layout in LAYOUTS.items() if layouts else ():
        result[name] = shares([figures(one, layout) for one in played])
    return result


def main() -> int:
    """Measure, and print one line for each family and layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--layouts", action="store_true")
    parser.add_argument("--no-roles", dest="roles", action="store_false")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measured(options.only, layouts=options.layouts, roles=options.roles)
    print(f"{'':52}" + "".join(f"{name:>10}" for name in result["all"]))
    for name, row in result.items():
        print(f"{name:52}" + "".join(f"{share:10.1%}" for share in row.values()))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
