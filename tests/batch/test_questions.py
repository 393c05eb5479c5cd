"""What a file of questions asks, and what is wrong with its lines."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from massgraph.backends.errors import UserError
from massgraph.batch.question import BadLine, Question, parse
from massgraph.batch.questions import MOST_BYTES, Questions


def read(data: bytes) -> list[Question | BadLine]:
    return list(Questions(io.BytesIO(data), "q.jsonl"))


def reasons(data: bytes) -> dict[int, str]:
    return {one.line: one.reason for one in read(data) if isinstance(one, BadLine)}


def test_objects_and_strings_are_questions() -> None:
    """Blank lines count as lines, and ask nothing."""
    found = read(
        b'\xef\xbb\xbf{"id": "a", "question": "Why?"}\r\n'
        b'\n  \n"How?"\n{"id": 7, "question": "Who?"}'
    )
    assert [(one.line, one.id, one.question) for one in found if isinstance(one, Question)] == [
        (1, "a", "Why?"),
        (4, 4, "How?"),
        (5, 7, "Who?"),
    ]


def test_context_goes_behind_the_question() -> None:
    """It is asked as `massgraph run` asks it; what else there is comes back."""
    line = b'{"question": "Why?", "context": "It rains.", "tag": 1, "metadata": {"a": 2}}'
    question = parse(3, line)
    assert isinstance(question, Question)
    assert question.question == "Why?\n\nIt rains."
    assert question.metadata == {"a": 2, "tag": 1}


def test_a_metadata_that_is_no_object_stays_as_it_is() -> None:
    """Nothing of a line is lost."""
    question = parse(1, b'{"question": "Why?", "metadata": [1]}')
    assert isinstance(question, Question)
    assert question.metadata == {"metadata": [1]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not UTF-8"),
        (b"7", "it is neither an object nor a string"),
        (b"{}", 'it has no "question"'),
        (b'{"question": 7}', "its question is not a text"),
        (b'{"question": " "}', "its question is empty"),
        (b'{"question": "\\ud800"}', "its question holds half of a character"),
        (b'{"question": "q", "context": 1}', "its context is not a text"),
        (b'{"question": "q", "id": 1.5}', "its id is neither a text nor a whole number"),
        (b'{"question": "q", "id": "\\ud800"}', "its id holds half of a character"),
        (b'{"question": "q", "id": true}', "its id is neither a text nor a whole number"),
        (b'{"question": "q", "n": NaN}', "it is not JSON: NaN is no number"),
        (b'{"question": "q", "n": -1e999}', "it is not JSON: -1e999 is no number"),
        (b'{"question": "q", "n": ' + b"[" * 100 + b"]" * 100 + b"}", "it is nested too deeply"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"n": ' + b"1" * 5000 + b"}", "it is not JSON: Exceeds the limit"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: bytes, reason: str) -> None:
    """It is told by its number, and the questions after it are asked."""
    found = read(line + b'\n"next"')
    assert isinstance(found[0], BadLine)
    assert found[0].reason.startswith(reason)
    assert isinstance(found[1], Question)


def test_what_is_nested_up_to_a_limit_is_taken() -> None:
    """The limit is the same wherever a line is read, so that it is read as it was before."""
    line = b'{"question": "q", "n": ' + b"[" * 99 + b"]" * 99 + b"}"
    assert isinstance(parse(1, line), Question)


def test_an_id_is_taken_once() -> None:
    """7 and "7" are one id, and so is the number of a line without one."""
    data = b'{"id": 3, "question": "a"}\n{"id": "3", "question": "b"}\n"c"'
    assert reasons(data) == {
        2: "its id '3' is that of line 1, too",
        3: "its id '3' is that of line 1, too",
    }


def test_a_line_that_is_too_long_is_skipped() -> None:
    """It is not read into memory, and the next one is asked."""
    data = b'"' + b"x" * (2 * MOST_BYTES) + b'"\n"next"'
    assert reasons(data) == {1: "it is longer than 1,000,000 bytes"}
    assert len(read(data)) == 2


def test_a_file_without_questions_is_refused() -> None:
    """Nothing to ask is a mistake, and not a batch that is done."""
    with pytest.raises(UserError, match=r"no question in q\.jsonl"):
        Questions(io.BytesIO(b"\n \n"), "q.jsonl")


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    """Its results would belong to other questions."""
    path = tmp_path / "q.jsonl"
    path.write_text('"one"\n"two"\n')
    questions = Questions.opened(str(path))
    path.write_text('"one"\n"too"\n')
    with pytest.raises(UserError, match="was changed while it was read"):
        list(questions)
    path.write_text('"one"\n')
    with pytest.raises(UserError, match="was changed while it was read"):
        list(questions)
    questions.close()


def test_the_digest_is_that_of_what_is_asked() -> None:
    """Metadata may change; the question and its context may not."""
    lines = [b'{"question": "q", "n": 1}', b'{"question": "q", "n": 2}', b'{"question": "r"}']
    one, same, other = (parse(1, line) for line in lines)
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_refused(name: str) -> None:
    """In one line that names it."""
    with pytest.raises(UserError, match="can't be read"):
        Questions.opened(name)
