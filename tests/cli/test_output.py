"""Where results go: files that are whole, and stdout that may be gone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from massgraph.backends.errors import MassgraphError, UserError
from massgraph.cli.output import OutFile, answer_bytes, json_line

from .conftest import Cli


def test_a_file_is_replaced_in_one_step(folder: Path) -> None:
    """A file keeps its mode, a link keeps pointing, and nothing is left beside them."""
    (folder / "real").write_text("old")
    (folder / "real").chmod(0o640)
    (folder / "link").symlink_to("real")
    before = set(folder.iterdir())
    OutFile.check("link").write(b"new")
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == b"new"
    assert stat.S_IMODE((folder / "real").stat().st_mode) == 0o640
    assert set(folder.iterdir()) == before


def test_a_device_is_written_as_it_is() -> None:
    """A device is not replaced by a file."""
    OutFile.check("/dev/null").write(b"new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_failed_write_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, what was there is still there, and nothing is left over."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (folder / "file").write_text("old")
    out = OutFile.check("file")
    monkeypatch.setattr(os, "fsync", full)
    before = set(folder.iterdir())
    with pytest.raises(MassgraphError, match="file cannot be written: No space left on device"):
        out.write(b"new")
    assert (folder / "file").read_text() == "old"
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["none/file", ".", "team.yaml/file", "a\0b", "x" * 300])
def test_a_file_that_cannot_be_written(name: str, cli: Cli) -> None:
    """That is found before the config is even looked at."""
    with pytest.raises(UserError, match=r"-o .* Name (another|a) file\."):
        OutFile.check(name)
    if "\0" not in name:
        ended = cli("run", "-c", "team.yaml", "q?", "-o", name)
        assert (ended.status, ended.out) == (2, b"")
        assert "round 1" not in ended.err


def test_bytes_of_an_answer() -> None:
    """An answer is UTF-8; two halves that belong together are joined, others are marked."""
    assert answer_bytes("a\r\n\\ é 😀\ufeff") == "a\r\n\\ é 😀\ufeff".encode()
    assert answer_bytes("\ud83d\ude00 \ud83d") == "😀 \ufffd".encode()


def test_a_line_of_json() -> None:
    """A line is a line for every program, and nothing in it steers a terminal."""
    line = json_line({"a": "\u2028\u0085\x9b\x7f\u202e\x1b\n é \ud83d"})
    assert line == b'{"a": "\\u2028\\u0085\\u009b\\u007f\\u202e\\u001b\\n \xc3\xa9 \\ud83d"}\n'
