"""Where results go: stdout as bytes, and a file that is whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import stat
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, TextIO

from ..backends.errors import MassgraphError, UserError
from ..display.manners import coloured, is_terminal
from ..nodes.json_line import json_line as json_line

_MOST_LINKS = 40


class Stdout:
    """Stdout as it was when the command began; whatever else prints goes to stderr from now on.

    A tool of the user's own may print: the answer still is all that stdout holds.
    """

    def __init__(self) -> None:
        self._stream = sys.stdout
        self.needed = True
        """Whether something is lost when there is no stdout at all."""
        self.closed = False
        """Whether its reader is gone."""

    def __enter__(self) -> Self:
        if self._stream is not None:
            sys.stdout = sys.stderr
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout = self._stream

    @contextlib.contextmanager
    def through(self, stream: TextIO) -> Generator[None]:
        """Write to another stream, which hands on what comes, while the context is open."""
        before, self._stream = self._stream, stream
        try:
            yield
        finally:
            self._stream = before

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it as it is."""
        return is_terminal(self._stream)

    @property
    def coloured(self) -> bool:
        """Whether colours may be written."""
        return coloured(self._stream)

    def look(self) -> None:
        """Find out whether the reader has left, without writing anything."""
        with contextlib.suppress(OSError, ValueError, AttributeError):  # no pipe, or no such call
            poll = select.poll()
            poll.register(self._stream.fileno(), 0)
            if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
                self.closed = True
                _forget(self._stream)

    def write(self, data: bytes) -> None:
        """Write and flush.

        Raises:
            MassgraphError: When the data cannot be written, for another reason than a reader that
                left.
        """
        if self._stream is None and self.needed:
            raise MassgraphError("stdout is closed: there is nowhere to print to.")
        if self.closed or self._stream is None:
            return
        buffer: BinaryIO | None = getattr(self._stream, "buffer", None)
        try:
            if buffer is None:
                self._stream.write(data.decode("utf-8", "replace"))
            else:
                buffer.write(data)
            self._stream.flush()
        except OSError as exc:
            self.closed = True
            _forget(self._stream)
            if not isinstance(exc, BrokenPipeError):
                reason = exc.strerror or type(exc).__name__
                raise MassgraphError(f"stdout cannot be written to: {reason}.") from None


def flush_streams() -> bool:
    """Return whether stdout could be flushed; what neither stream takes is dropped.

    The interpreter flushes both once more at exit, and what fails there is told in its own words.
    """
    taken = True
    for stream in (sys.stderr, sys.stdout):
        if stream is None:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            _forget(stream)
        except (OSError, ValueError):
            _forget(stream)
            taken = stream is not sys.stdout
    return taken


def _forget(stream: TextIO) -> None:
    """Point a stream's descriptor to nowhere: the interpreter flushes it once more at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file for a result, written in one step.

    Args:
        path: The file, links followed.
        in_place: Whether it is no regular file (a device, a pipe) and is written as it is.
        descriptor: What `/dev/stdout` and its like stand for, if it is one of them.
    """

    path: Path
    in_place: bool = False
    descriptor: int | None = None

    @classmethod
    def check(cls, name: str) -> Self:
        """Return the file.

        Raises:
            UserError: When it could not be written.
        """
        try:
            descriptor = _descriptor(name)
            if descriptor is not None:
                os.close(os.dup(descriptor))
                return cls(Path(name), in_place=True, descriptor=descriptor)
            path = Path(name).resolve()
            mode = path.stat().st_mode if path.exists() else None
            if mode is not None and stat.S_ISDIR(mode):
                raise UserError(f"-o {name}: it is a directory.", hint="Name a file.")
            if mode is not None and not stat.S_ISREG(mode):
                return cls(path, in_place=True)
            out = cls(path)
            beside = out._beside()
            os.close(_create(beside))
            beside.unlink()
        except (OSError, ValueError, RuntimeError) as exc:
            reason = getattr(exc, "strerror", None) or "not a file name"
            raise UserError(
                f"-o {name}: it cannot be written ({reason}).", hint="Name another file."
            ) from None
        return out

    def write(self, data: bytes) -> None:
        """Write the file; a file that was there is replaced in one step.

        Raises:
            MassgraphError: When it cannot be written after all; a file that was there still is.
        """
        try:
            self._write(data)
        except OSError as exc:
            reason = exc.strerror or type(exc).__name__
            raise MassgraphError(f"{self.path} cannot be written: {reason}.") from exc

    def _write(self, data: bytes) -> None:
        if self.in_place:
            opened = self.path if self.descriptor is None else os.dup(self.descriptor)
            with open(opened, "wb") as device:  # noqa: PTH123 - it may be a descriptor
                device.write(data)
            return
        beside = self._beside()
        with os.fdopen(_create(beside), "wb") as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                if self.path.exists():
                    beside.chmod(stat.S_IMODE(self.path.stat().st_mode))
                beside.replace(self.path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise

    def _beside(self) -> Path:
        return self.path.with_name(f".massgraph-{secrets.token_hex(6)}.tmp")


def _descriptor(name: str) -> int | None:
    """Return the descriptor that a file such as /dev/stdout stands for, links followed."""
    folders = {os.path.realpath(folder) for folder in ("/proc/self/fd", "/dev/fd")}
    path = Path(name)
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    return None


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, 0o666)


def answer_bytes(answer: str) -> bytes:
    """Return an answer's bytes; halves of a character, which have none, become U+FFFD."""
    try:
        return answer.encode()
    except UnicodeEncodeError:
        return answer.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
