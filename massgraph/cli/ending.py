"""How the command line ends: statuses, and one clear line for each way to fail."""

from __future__ import annotations

import contextlib
import sys
import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from ..backends.errors import MassgraphError, UserError
from ..backends.keys import without_keys

if TYPE_CHECKING:
    from ..config import Problem


class Status(IntEnum):
    """What a shell sees; docs/cli.md tells when."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_ANSWER = 3
    INTERRUPTED = 130
    TERMINATED = 143


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came before there was a run to cancel; whoever lets Ctrl-C pass lets this pass."""


def told(exc: BaseException, *, verbose: bool = False) -> int:
    """Say on stderr what ended the command, and return its status."""
    status: int = Status.FAILED
    match exc:
        case SystemExit():
            status = exc.code if isinstance(exc.code, int) else Status.OK
        case click.exceptions.Exit():
            status = exc.exit_code
        case click.ClickException():
            _tell_usage(exc)
            status = exc.exit_code
        case TerminatedError():
            error("terminated; nothing was run")
            status = Status.TERMINATED
        case KeyboardInterrupt() | click.Abort():
            error("interrupted; nothing was run")
            status = Status.INTERRUPTED
        case UserError():
            _tell_mistake(exc)
            status = Status.USAGE
        case MassgraphError():
            error(str(exc))
        case _:
            error(f"{type(exc).__name__}: {exc}", hint="" if verbose else "(-v for the traceback)")
            if verbose:
                say(without_keys("".join(traceback.format_exception(exc)).rstrip()))
    return status


def error(message: str, *, hint: str = "") -> None:
    """Say on stderr, in one line, what went wrong; a word that looks like a key is left out."""
    from ..display.safe_text import one_line

    text = without_keys(one_line(message, 2000).rstrip())
    say(f"massgraph: error: {text}{' ' + hint if hint else ''}")


def say(text: str) -> None:
    """Write to stderr, if there is one that takes it."""
    from ..display.safe_text import safe

    with contextlib.suppress(OSError, ValueError, AttributeError):  # gone, closed, or none at all
        sys.stderr.write(f"{safe(text)}\n")
        sys.stderr.flush()


def say_problem(text: str) -> None:
    """Say on stderr, in one line, what is wrong with a config, or may be; no key is repeated."""
    say(without_keys(text.replace("\n", " ")))


def _tell_usage(exc: click.ClickException) -> None:
    context = getattr(exc, "ctx", None)
    if isinstance(exc, click.exceptions.NoArgsIsHelpError):
        say(exc.message)
    else:
        error(
            exc.format_message(),
            hint=f"(see {context.command_path} --help)" if context is not None else "",
        )


def _tell_mistake(exc: UserError) -> None:
    """Say what is wrong; of a config, each problem on a line of its own."""
    problems: list[Problem] = getattr(exc, "problems", [])
    if all(problem.missing for problem in problems):
        lines = dict.fromkeys(_missing(problem) for problem in problems)
        for line in lines or [str(exc)]:
            error(line)
        return
    for problem in problems:
        say_problem(str(problem))
    number = len(problems)
    error(f"{number} problem{'s' if number > 1 else ''} in the configuration; nothing was run")


def _missing(problem: Problem) -> str:
    """Return what is missing; where, only if a person can look there."""
    from ..config.files import SHIPPED

    shipped = problem.place.source.startswith(str(SHIPPED))
    return problem.message if shipped else str(problem)
