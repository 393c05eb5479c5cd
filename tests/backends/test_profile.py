"""What a family of models takes."""

from __future__ import annotations

import logging

import pytest

from massgraph.backends.profile import of_model, taken

TABLE = {"": "any", "gpt-": "gpt", "gpt-5": "five", "gpt-5-chat": "chat"}


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("gpt-5.4", "five"),
        ("GPT-5-chat-latest", "chat"),
        ("gpt-4o", "gpt"),
        ("openai/gpt-5", "five"),
        ("o3", "any"),
    ],
)
def test_the_longest_beginning_counts(model: str, entry: str) -> None:
    """The most specific entry holds; case, and who resells a model, do not matter."""
    assert of_model(TABLE, model) == entry


def test_what_a_model_does_not_take_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """A parameter that a model does not take is left out, with a sentence that says why."""
    params = {"temperature": 0.5, "top_p": None, "max_tokens": 9}
    with caplog.at_level(logging.WARNING, "massgraph"):
        sent, unsent = taken(params, {"temperature": "it reasons", "top_p": "no"}, model="o3")
    assert sent == {"max_tokens": 9}
    assert unsent == {"temperature": "o3 does not take temperature, so it is not sent: it reasons."}
    assert caplog.messages == list(unsent.values())
