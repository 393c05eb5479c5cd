"""What comes over any wire: JSON objects of which a part is used, and text in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from massgraph.backends.builtin import source
from massgraph.backends.errors import MalformedResponseError
from massgraph.backends.wire import Text, Wire, as_object, check_text, mapping

HALVES = ["\ud83d", "a\ude00b", "\ude00\ud83d"]


class Note(Wire):
    """Something on the wire."""

    text: Text | None = None


def test_what_is_not_used_is_ignored() -> None:
    """Keys that nobody knows mean nothing; a wrong type is refused."""
    assert Note.model_validate({"text": None, "more": 1}).text is None
    with pytest.raises(ValidationError):
        Note.model_validate({"text": ["a"]})


@pytest.mark.parametrize("half", HALVES)
def test_half_a_character(half: str) -> None:
    """Half a surrogate pair is no text, wherever it stands: in a value, a list or a key."""
    with pytest.raises(ValidationError, match="half a surrogate pair"):
        Note.model_validate({"text": half})
    for value in ({"a": [half]}, {half: 1}, half):
        with pytest.raises(MalformedResponseError, match="no text"):
            check_text(value)


def test_whole_characters() -> None:
    """A pair, and any other character, is text."""
    said = "é 日本 \U0001f600"
    assert Note.model_validate(json.loads(json.dumps({"text": said}))).text == said
    check_text({said: [said, 1, None]})


def test_a_value_that_is_nested_too_deep() -> None:
    """What cannot be read to its end is malformed, not a crash."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MalformedResponseError):
        check_text(deep)


@pytest.mark.parametrize("frame", [None, 1, "x", ["x"]])
def test_a_frame_is_an_object(frame: object) -> None:
    """Any other JSON is malformed as a frame, and nothing as a part of one."""
    with pytest.raises(MalformedResponseError, match="not a JSON object"):
        as_object(frame)
    assert mapping(frame) == {}
    assert as_object({"a": 1}) == mapping({"a": 1}) == {"a": 1}


def test_a_source_has_what_is_known() -> None:
    """A page is its URL, and a title and a text where there are any."""
    assert source("u") == source("u", "", "") == {"url": "u"}
    assert source("u", "T", "x") == {"url": "u", "title": "T", "text": "x"}
