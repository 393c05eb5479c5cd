"""Commands whose help ends with examples, groups that know what was meant, options together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command with examples.

    Args:
        examples: Whole command lines, as a person types them.
        **given: As click takes them.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **given: Any) -> None:
        super().__init__(*args, **given)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples at the end, each on a line of its own."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


class Group(Command, click.Group):
    """A group of commands with examples; its commands are made with `Command`."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant.

        Raises:
            UsageError: When there is none of that name.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"No such command {args[0]!r}.{self._meant(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        commands = self.list_commands(ctx)
        if " " in name and "run" in commands:
            return f" To ask a question: {ctx.command_path} run QUESTION"
        close = get_close_matches(name.lower(), commands, n=1)
        return f" Did you mean {close[0]!r}?" if close else ""


def several(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return several options as one decorator; the help shows them in this order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write examples as they are: a line that is wrapped cannot be pasted."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
