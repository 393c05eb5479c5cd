"""`massgraph models`: the models that are known by name, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from .command import Command
from .complete import price_lists
from .ending import Status, say
from .output import Stdout, json_line
from .tables import Table
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..catalogue import Access, KnownModel

UNKNOWN = "unknown"
_HEADINGS = ("model", "context", "input", "cached", "output", "tools", "ready")
_SPARE = (5, 1, 3, 6)
"""Columns that a narrow terminal does without: tools, context, cached, ready."""
_LONGER = "+"
"""Behind a price that is higher for a long prompt."""


@click.command(
    "models",
    cls=Command,
    short_help="List known models and what they cost.",
    examples=[
        "massgraph models",
        "massgraph models sonnet",
        "massgraph models 'openai:gpt-6*' --json",
        "massgraph models --provider deepseek",
    ],
)
@click.argument("pattern", required=False, default="")
@click.option(
    "--provider",
    "providers",
    multiple=True,
    metavar="NAME",
    shell_complete=price_lists,
    help="Of this provider, or compatible server; repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="Retired ones, too, and those that draw.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@verbose_option
def models(pattern: str, providers: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """List the models whose names hold PATTERN, or match it where it has a `*`.

    Prices are US dollars for a million tokens, those of the installed genai-prices; `+` means that
    long prompts cost more, and `unknown` that nobody has told: it is not free. Any other model can
    be named as well: what it costs is unknown then.
    """
    from ..backends.errors import UserError
    from ..catalogue import access_to, known_models
    from ..config.env import read_env_file

    read_env_file()
    listed = known_models(providers)
    found = [one for one in listed if (everything or not one.aside) and _fits(one, pattern)]
    if not found:
        hidden = any(_fits(one, pattern) for one in listed)
        hint = "It is shown with --all." if hidden else "`massgraph models` lists them."
        raise UserError("No known model matches.", hint=hint)
    access = {name: access_to(name) for name in dict.fromkeys(one.provider for one in found)}
    with Stdout() as stdout:
        if as_json:
            stdout.write(b"".join(json_line(_told(one, access[one.provider])) for one in found))
        else:
            rows = [_row(one, access[one.provider]) for one in found]
            table = Table(_HEADINGS, rows, right=range(1, 5), spare=_SPARE)
            stdout.write(table.drawn(stdout.is_terminal))
    if not as_json:
        _tell_missing(access)
    return Status.OK


def _fits(model: KnownModel, pattern: str) -> bool:
    name, sought = model.spec.lower(), pattern.lower()
    if any(sign in sought for sign in "*?["):
        return fnmatchcase(name, sought) or fnmatchcase(model.name.lower(), sought)
    return sought in name


def _row(model: KnownModel, access: Access) -> Sequence[str]:
    longer = _LONGER if model.tiered else ""
    dollars = (model.input_usd, model.cached_usd, model.output_usd)
    return (
        model.spec,
        _tokens(model.context_tokens),
        *(UNKNOWN if price is None else f"{price:.6g}{longer}" for price in dollars),
        ",".join(model.tools) or "-",
        "no" if access.missing else "yes",
    )


def _tokens(number: int | None) -> str:
    """Return a number of tokens in the words of the trade."""
    if number is None:
        return UNKNOWN
    if number >= 1_000_000:
        return f"{number / 1_000_000:.3g}M"
    return f"{number / 1000:.0f}k" if number >= 10_000 else str(number)


def _told(model: KnownModel, access: Access) -> dict[str, Any]:
    return {
        **asdict(model),
        "ready": access.missing is None,
        "key": access.variable,
        "missing": access.missing,
    }


def _tell_missing(access: dict[str, Access]) -> None:
    """Say on stderr what is to be done before a provider can be asked."""
    for name, one in access.items():
        if one.missing:
            say(f"{name}: {one.missing}")
