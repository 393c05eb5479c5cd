"""`-v`: what the program says of its own work on stderr, beside or through the display."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .ending import say
from .log_format import FORMS, LogForm, short, without_secrets

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""What is said, by how often `-v` was given."""


class StderrLog(logging.Handler):
    """Writes the program's log to stderr, and Python's warnings; keys are struck out.

    Warnings are said in any case, in a short form. `-v` says what is done, `-vv` each step of it.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.write: Callable[[str], object] = say
        self.form: LogForm | None = None
        self._verbose = 0

    def louder(self, times: int) -> None:
        """Say more, by `times` levels."""
        self._verbose = min(self._verbose + times, len(LEVELS) - 1)
        self.setLevel(LEVELS[self._verbose])
        logging.getLogger("massgraph").setLevel(self.level)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; what can't be said is not worth a run."""
        if not self._verbose and getattr(record, "is_raised", False):
            return  # whoever catches it says so
        form = short if not self._verbose and self.form is None else FORMS[self.form or "text"]
        with suppress(Exception):
            self.write(without_secrets(form(record)))

    @contextmanager
    def installed(self) -> Generator[None]:
        """Listen to all loggers while the block runs."""
        root, ours = logging.getLogger(), logging.getLogger("massgraph")
        before = ours.level
        root.addHandler(self)
        logging.captureWarnings(True)
        try:
            yield
        finally:
            logging.captureWarnings(False)
            root.removeHandler(self)
            ours.setLevel(before)


def stderr_log() -> StderrLog | None:
    """Return the log of the command that runs; None in a library's use."""
    handlers = logging.getLogger().handlers
    return next((one for one in handlers if isinstance(one, StderrLog)), None)


def verbose_option(command: F) -> F:
    """Add `-v` and `--log-format`."""
    for option in (_FORMAT, _VERBOSE):
        command = option(command)
    return command


def _set_verbose(context: click.Context, parameter: click.Parameter, value: int) -> None:
    log = stderr_log()
    if value:
        context.find_root().meta["verbose"] = True
    if value and log is not None:
        log.louder(value)


def _set_form(context: click.Context, parameter: click.Parameter, value: LogForm | None) -> None:
    """Set how lines are written; what was typed counts more than the environment."""
    log = stderr_log()
    typed = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    if value is not None and log is not None and (typed or log.form is None):
        log.form = value


_VERBOSE = click.option(
    "-v",
    "--verbose",
    count=True,
    expose_value=False,
    callback=_set_verbose,
    help="Say what is done, and show tracebacks; -vv: each step of it.",
)
_FORMAT = click.option(
    "--log-format",
    type=click.Choice(list(FORMS)),
    envvar="MASSGRAPH_LOG_FORMAT",
    expose_value=False,
    callback=_set_form,
    help="How that is written: text, or json for JSON lines.",
)


@contextmanager
def lines_through(write: Callable[[str], object]) -> Generator[None]:
    """Have the log's lines written by somebody else while the block runs.

    Args:
        write: Takes a line; from any thread, and it must not block.
    """
    log = stderr_log()
    if log is None:
        yield
        return
    before, log.write = log.write, write
    try:
        yield
    finally:
        log.write = before
