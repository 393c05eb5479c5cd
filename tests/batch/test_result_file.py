"""The file of results: locked, repaired, and never another batch's."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from massgraph.backends.errors import MassgraphError, UserError
from massgraph.batch.result_file import ResultFile
from massgraph.batch.result_line import ResultLine
from massgraph.batch.spent import Spent

ONE = ResultLine("a", 1, "d1", {"n": 1}, error="why")
TWO = ResultLine(2, 2, "d2", {}, error="why", earlier=Spent(1, 2, 0.5, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.jsonl"


@pytest.fixture
def file(path: Path) -> Iterator[ResultFile]:
    with closing(ResultFile.open(str(path))) as opened:
        yield opened


def test_what_is_written_is_read(file: ResultFile, path: Path) -> None:
    """A line holds all that is known of a result."""
    for line in (ONE, TWO):
        file.append(line.to_bytes())
    assert list(file.lines()) == [ONE, TWO]
    assert len(path.read_bytes().splitlines()) == 2
    assert not file.repair()


@pytest.mark.parametrize("cut", [1, 5, 20, 60])
def test_half_a_line_is_cut_off(path: Path, cut: int) -> None:
    """Wherever a kill has cut it."""
    path.write_bytes(ONE.to_bytes() + TWO.to_bytes()[:cut])
    with closing(ResultFile.open(str(path))) as file:
        assert list(file.lines()) == [ONE]
        assert file.repair()
        file.append(TWO.to_bytes())
    assert path.read_bytes() == ONE.to_bytes() + TWO.to_bytes()


def test_a_line_that_misses_its_end_alone_is_whole(path: Path) -> None:
    """What was paid for is not thrown away."""
    path.write_bytes(ONE.to_bytes()[:-1])
    with closing(ResultFile.open(str(path))) as file:
        assert list(file.lines()) == [ONE]
        assert not file.repair()
    assert path.read_bytes() == ONE.to_bytes()


def test_zeros_of_a_power_cut_are_cut_off(path: Path) -> None:
    """Some file systems know the size before the data."""
    path.write_bytes(ONE.to_bytes() + b"\0" * 50)
    with closing(ResultFile.open(str(path))) as file:
        assert list(file.lines()) == [ONE]
        assert file.repair()
    assert path.read_bytes() == ONE.to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"notes",
        b'{"v": 1, "answer": "of massgraph run --json"}\n',
        b'{"v": 2, "id": 1, "line": 1, "digest": "", "error": ""}\n',
        b'{"v": 1, "id": 1, "line": 1, "digest": "", "result": {"usage": 7}}\n',
        ONE.to_bytes() + b'{"v": 1, "id": \n' + TWO.to_bytes(),
    ],
)
def test_a_foreign_file_is_refused_and_left_alone(path: Path, data: bytes) -> None:
    """Half a line is cut off only where it can be ours."""
    path.write_bytes(data)
    with (
        closing(ResultFile.open(str(path))) as file,
        pytest.raises(UserError, match="is no result of a batch"),
    ):
        list(file.lines())
    assert path.read_bytes() == data


def test_two_do_not_write_to_one_file(file: ResultFile, path: Path) -> None:
    """The second one is refused, also after the file was replaced."""
    with pytest.raises(UserError, match="another batch is writing"):
        ResultFile.open(str(path))
    file.append(ONE.to_bytes())
    file.keep(lambda _: True)
    with pytest.raises(UserError, match="another batch is writing"):
        ResultFile.open(str(path))


def test_lines_that_are_not_wanted_go_in_one_step(file: ResultFile, path: Path) -> None:
    """The others stay, and so do the permissions."""
    file.append(ONE.to_bytes() + TWO.to_bytes())
    path.chmod(0o640)
    file.keep(lambda line: line.id == "a")
    file.append(TWO.to_bytes())
    assert path.read_bytes() == ONE.to_bytes() + TWO.to_bytes()
    assert path.stat().st_mode & 0o777 == 0o640
    assert not list(path.parent.glob(".*"))


def test_a_full_disk_leaves_whole_lines(
    file: ResultFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What of a line was written is taken back."""
    file.append(ONE.to_bytes())
    write = os.write

    def full(opened: int, data: bytes) -> int:
        if len(data) < 30:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(opened, data[:30])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MassgraphError, match="No space left on device"):
        file.append(TWO.to_bytes())
    assert path.read_bytes() == ONE.to_bytes()


def test_a_file_that_is_gone_takes_no_results(file: ResultFile, path: Path) -> None:
    """They would be lost with it, and their threads as well."""
    file.append(ONE.to_bytes())
    path.rename(path.with_name("moved"))
    with pytest.raises(MassgraphError, match="was removed or replaced"):
        file.append(TWO.to_bytes())
    path.write_bytes(b"")
    with pytest.raises(MassgraphError, match="was removed or replaced"):
        file.append(TWO.to_bytes())


@pytest.mark.parametrize("others", [b"", b"\n", ONE.to_bytes() * 2])
def test_what_others_write_is_not_written_over(file: ResultFile, path: Path, others: bytes) -> None:
    """Nor is a hole left where they have cut the file."""
    file.append(ONE.to_bytes())
    path.write_bytes(others)
    with pytest.raises(MassgraphError, match="was changed by another program"):
        file.append(TWO.to_bytes())
    assert path.read_bytes() == others


@pytest.mark.parametrize("name", [".", "missing/r.jsonl", "a\0b"])
def test_a_file_that_cannot_be_written_is_refused(name: str) -> None:
    """In one line, before anything is sent."""
    with pytest.raises(UserError, match="cannot be written"):
        ResultFile.open(name)
