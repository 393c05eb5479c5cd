"""How the command line ends: statuses, and one clear line for each way to fail."""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from ..backends.errors import MassgraphError, UserError

if TYPE_CHECKING:
    from ..config import ConfigError


class Status(IntEnum):
    """What a shell sees; docs/cli.md tells when."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_ANSWER = 3
    INTERRUPTED = 130
    TERMINATED = 143


class TerminatedError(BaseException):
    """SIGTERM came before there was a run to cancel."""


def told(exc: BaseException, *, verbose: bool = False) -> int:
    """Say on stderr what ended the command, and return its status."""
    match exc:
        case SystemExit():
            return exc.code if isinstance(exc.code, int) else Status.OK
        case click.exceptions.Exit():
            return exc.exit_code
        case click.exceptions.NoArgsIsHelpError():
            say(exc.message)
            return Status.USAGE
        case click.ClickException():
            error(exc.format_message(), hint=_help(exc))
            return exc.exit_code
        case KeyboardInterrupt() | click.Abort():
            error("interrupted; nothing was run")
            return Status.INTERRUPTED
        case TerminatedError():
            error("terminated; nothing was run")
            return Status.TERMINATED
        case UserError() if hasattr(exc, "problems"):
            tell_problems(exc)  # type: ignore[arg-type]
            return Status.USAGE
        case UserError():
            error(str(exc))
            return Status.USAGE
        case BrokenPipeError():
            forget_stdout()
            return Status.OK
        case MassgraphError():
            error(str(exc))
        case _:
            error(f"{type(exc).__name__}: {exc}", hint="" if verbose else "(-v for the traceback)")
    if verbose:
        say("".join(traceback.format_exception(exc)).rstrip())
    return Status.FAILED


def error(message: str, *, hint: str = "") -> None:
    """Say on stderr, in one line, what went wrong."""
    from ..display.safe_text import one_line

    text = one_line(message, 2000).rstrip()
    say(f"massgraph: error: {text}{' ' + hint if hint else ''}")


def say(text: str) -> None:
    """Write to stderr, if there is one that takes it."""
    from ..display.safe_text import safe

    if sys.stderr is None:  # type: ignore[unreachable]
        return  # type: ignore[unreachable]
    try:
        sys.stderr.write(f"{safe(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # its reader is gone


def tell_problems(exc: ConfigError) -> None:
    """Say on stderr all that is wrong with a config."""
    from ..config.files import SHIPPED

    if all(problem.missing for problem in exc.problems):
        lines = {
            problem.message if problem.place.source.startswith(str(SHIPPED)) else str(problem): None
            for problem in exc.problems
        }
        for line in lines:
            error(line)
        return
    for problem in exc.problems:
        say(str(problem).replace("\n", " "))
    number = len(exc.problems)
    error(f"{number} problem{'s' if number > 1 else ''} in the configuration; nothing was run")


def forget_stdout() -> None:
    """Point stdout to nowhere: its reader is gone, and the interpreter flushes it at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


def _help(exc: click.ClickException) -> str:
    context = getattr(exc, "ctx", None)
    return f"(see {context.command_path} --help)" if context is not None else ""
