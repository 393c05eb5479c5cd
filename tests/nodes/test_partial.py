from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from massgraph.nodes.partial import PartialString

WATCHED = ("new_answer", "content")


def cut(text: str, sizes: list[int]) -> list[str]:
    """Cut a text into pieces of these sizes, the last one taking what is left."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(text[start : start + size])
        start += size
    return [*pieces, text[start:]]


def said(pieces: list[str], name: str = "new_answer") -> str:
    watched = PartialString(WATCHED)
    return "".join([*(watched.feed(name, piece) for piece in pieces), watched.rest()])


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.lists(st.integers(0, 5), max_size=60),
    st.sampled_from([{}, {"a": 1}, {"note": "content"}, {"note": {"content": "other"}}]),
)
def test_the_pieces_make_the_argument(
    text: str, ascii_only: bool, sizes: list[int], others: dict[str, Any]
) -> None:
    """However the JSON is cut, inside escapes too, the pieces make the argument."""
    source = json.dumps({**others, "content": text, **others}, ensure_ascii=ascii_only)
    assert said(cut(source, sizes)) == text


@pytest.mark.parametrize("text", ["🎉", "a🎉b", '"\\\n\t\u2028', "é" * 40, "\\ud83c", "\x00"])
def test_one_character_at_a_time(text: str) -> None:
    """Surrogate pairs and escapes survive the smallest pieces."""
    for ascii_only in (True, False):
        assert said(list(json.dumps({"content": text}, ensure_ascii=ascii_only))) == text


@given(st.lists(st.text(max_size=8)))
def test_nonsense_says_nothing_and_breaks_nothing(pieces: list[str]) -> None:
    """What is no JSON object is never shown."""
    source = "".join(pieces)
    shown = said(pieces)
    assert shown == "" or source.lstrip().startswith("{")


@pytest.mark.parametrize("source", ["[1]", '"content"', '{"content": 3}', '{"other": "x"}', "{]"])
def test_other_json_says_nothing(source: str) -> None:
    """Nothing is shown of what is not the watched argument, or no string."""
    assert said([source]) == ""


def test_other_calls_say_nothing() -> None:
    """Only the watched tool is looked at, and nothing at all when none is."""
    assert said(['{"content": "x"}'], name="vote") == ""
    assert PartialString(None).feed("new_answer", '{"content": "x"}') == ""
    assert PartialString(None).rest() == ""


def test_text_is_shown_while_it_is_written() -> None:
    """The argument comes out long before its JSON is complete."""
    watched = PartialString(WATCHED)
    source = json.dumps({"content": "word " * 200})
    shown = ""
    for count, character in enumerate(source, start=1):
        shown += watched.feed("new_answer", character)
        assert len(shown) >= count * 0.9 - len('{"content": "') - 1


def test_looking_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of 100,000 pieces is parsed some hundred times, not 100,000 times."""
    looks: list[int] = []

    def counted(text: str, **options: Any) -> Any:
        looks.append(len(text))
        return from_json(text, **options)

    monkeypatch.setattr("massgraph.nodes.partial.from_json", counted)
    text = "x" * 100_000
    assert said(list(json.dumps({"content": text}))) == text
    assert len(looks) < 400
    assert sum(looks) < 50 * len(text)
