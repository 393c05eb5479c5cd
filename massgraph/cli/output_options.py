"""Options of commands that show a run: what is printed, shown and recorded."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import click

from ..display.display import DisplayKind
from . import complete
from .command import several
from .db_option import runs_of
from .output import OutFile, Stdout

if TYPE_CHECKING:
    from ..config import TeamConfig
    from .screen import Asking

KINDS: tuple[DisplayKind, ...] = ("rich_terminal", "terminal", "simple")

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as a JSON object."
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")
display_options = several(
    click.option(
        "--display",
        "display_kind",
        type=click.Choice(KINDS),
        help="A live view that takes keys; a coloured line an event; plain text.",
    ),
    click.option("--no-display", is_flag=True, help="Show progress without moving the cursor."),
)

output_options = several(
    json_option,
    click.option("--events", is_flag=True, help="Print what happens as JSON lines."),
    click.option(
        "-o",
        "out",
        metavar="FILE",
        shell_complete=complete.files,
        help="Write the answer to a file, too.",
    ),
    quiet_option,
    display_options,
    click.option("--no-logs", is_flag=True, help="Write no record and no logs of the run."),
)
"""Adds the options of what is printed, shown and recorded."""


@dataclass(frozen=True, slots=True)
class ShownOptions:
    """What is printed and shown of a run, whoever runs it; see the options."""

    as_json: bool
    events: bool
    quiet: bool
    display_kind: DisplayKind | None
    no_display: bool

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """Take these options out of all that were given.

        Raises:
            UsageError: When they do not go together.
        """
        taken = cls(*(given.pop(field.name) for field in fields(cls)))
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

    def asking(
        self, stdout: Stdout, *, file: OutFile | None = None, kind: DisplayKind | None = None
    ) -> Asking:
        """Return how a run is shown, and where its result goes.

        Args:
            stdout: Takes the result.
            file: Takes the answer, too.
            kind: The display where none is asked for.
        """
        from .screen import Asking

        return Asking(
            stdout=stdout,
            form=self.form,
            file=file,
            quiet=self.quiet,
            moving=self.moving,
            kind=self.display_kind or kind or "rich_terminal",
        )


@dataclass(frozen=True, slots=True)
class OutputOptions(ShownOptions):
    """What is printed, shown and recorded of a run that is begun; see the options."""

    out: str | None
    no_logs: bool

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
