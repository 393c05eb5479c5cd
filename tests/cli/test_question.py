"""The question: an argument, a pipe, or both."""

from __future__ import annotations

import sys

import pytest

from .conftest import Cli

RUN = ("run", "-c", "team.yaml", "--events", "--quiet")


@pytest.mark.parametrize(
    ("words", "stdin", "question"),
    [
        (["Why?"], b"", "Why?"),
        (["-"], b"Why?\r\n", "Why?"),
        ([], b"\xef\xbb\xbfWhy?\nAnd how?\n", "Why?\nAnd how?"),
        (["Why?"], b"  line 1\nline 2\n", "Why?\n\n  line 1\nline 2"),
        (["Why?"], b" \n", "Why?"),
        (["--", "--why"], b"", "--why"),
    ],
)
def test_questions(words: list[str], stdin: bytes, question: str, cli: Cli) -> None:
    """Stdin is the question, or the context of the one that is given."""
    assert cli(*RUN, *words, stdin=stdin).events[0]["question"] == question


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        ([], b"", "The question is empty. Ask something."),
        (["-"], b"\n", "The question is empty. Ask something."),
        (["  "], b"", "The question is empty. Ask something."),
        (["-"], b"\xff", "What comes on stdin is not UTF-8 text."),
        (["\udcff"], b"", "The question is not UTF-8 text."),
    ],
)
def test_refusals(words: list[str], stdin: bytes, message: str, cli: Cli) -> None:
    """A question that is none is found before anything is run."""
    ended = cli(*RUN, *words, stdin=stdin)
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err == f"massgraph: error: {message}\n"


def test_without_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command without any stdin has no context, and needs a question."""
    monkeypatch.setattr("massgraph.cli.question.sys.stdin", None)
    monkeypatch.setattr(sys, "__stdin__", None)
    from massgraph.backends.errors import UserError
    from massgraph.cli.question import read_question

    assert read_question("Why?") == "Why?"
    with pytest.raises(UserError, match="There is no question"):
        read_question(None)


def test_a_person_is_told_that_stdin_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe that stays silent is waited for, and that is said."""
    import io
    import time

    from massgraph.cli import question

    class Slow(io.BytesIO):
        def read(self, *_: object) -> bytes:
            time.sleep(0.1)
            return b"late"

    monkeypatch.setattr(question, "PATIENCE_S", 0.01)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow()))
    assert question.read_question("Why?") == "Why?\n\nlate"
    assert "reading stdin until it ends" in capsys.readouterr().err


def test_a_person_is_told_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-` on a terminal says at once what it waits for."""
    import io

    from massgraph.cli import question

    class Typed(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Typed(io.BytesIO(b"Why?\n")))
    assert question.read_question("-") == "Why?"
    assert capsys.readouterr().err == "massgraph: type the question, end it with Ctrl-D\n"
