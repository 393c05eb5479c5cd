"""Options of commands that run a team: what is printed, shown and recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import click

from ..display.display import DisplayKind
from . import complete
from .output import OutFile, Stdout
from .shared import runs_of

if TYPE_CHECKING:
    from ..config import TeamConfig

F = TypeVar("F", bound=Callable[..., Any])

KINDS: tuple[DisplayKind, ...] = ("rich_terminal", "terminal", "simple")

display_option = click.option(
    "--display",
    "display_kind",
    type=click.Choice(KINDS),
    help="A live view that takes keys; a coloured line an event; plain text.",
)

_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object."),
    click.option("--events", is_flag=True, help="Print what happens as JSON lines."),
    click.option(
        "-o",
        "out",
        metavar="FILE",
        shell_complete=complete.files,
        help="Write the answer to a file, too.",
    ),
    click.option("--quiet", is_flag=True, help="Show no progress."),
    display_option,
    click.option("--no-display", is_flag=True, help="Show progress without moving the cursor."),
    click.option("--no-logs", is_flag=True, help="Write no record and no logs of the run."),
)


def output_options(command: F) -> F:
    """Add the options of what is printed, shown and recorded."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What is printed, shown and recorded; see the options."""

    as_json: bool
    events: bool
    out: str | None
    quiet: bool
    display_kind: DisplayKind | None
    no_display: bool
    no_logs: bool

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """Take these options out of all that were given.

        Raises:
            UsageError: When they do not go together.
        """
        taken = cls(*(given.pop(name) for name in cls.__slots__))
        if taken.as_json and taken.events:
            raise click.UsageError("--json and --events do not go together: give one of them.")
        return taken

    @property
    def form(self) -> Literal["text", "json", "events"]:
        """What is printed on stdout."""
        return "json" if self.as_json else "events" if self.events else "text"

    @property
    def moving(self) -> bool:
        """Whether the display may move the cursor."""
        return not self.no_display

    def kind(self, team: TeamConfig) -> DisplayKind:
        """Return which display is wanted: by the option, or else by the config."""
        return self.display_kind or team.display_type

    def file(self, stdout: Stdout) -> OutFile | None:
        """Return the file that takes the answer, checked; without one, stdout is needed."""
        file = OutFile.check(self.out) if self.out is not None else None
        stdout.needed = file is None
        return file

    def records(self, team: TeamConfig, db: str | None) -> Path | None:
        """Return where the events of a store's runs are recorded, if they are."""
        return None if self.no_logs or not team.logging_enabled else runs_of(db)
