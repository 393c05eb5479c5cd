"""`massgraph init`: a config for a beginning, from a few questions or from none."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..display.manners import is_terminal
from .command import Command
from .complete import files, graphs, models, rules
from .ending import Status, say
from .output import OutFile, Stdout
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..config.starter import Choices

T = TypeVar("T")

DEFAULT_FILE = "massgraph.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What options have answered already; None for what they leave open."""

    models: tuple[str, ...] = ()
    agents: int | None = None
    graph: str | None = None
    rule: str | None = None
    web_search: bool | None = None
    budget: float | None = None


@click.command(
    "init",
    cls=Command,
    short_help="Write a config, after a few questions.",
    examples=[
        "massgraph init",
        "massgraph init --yes team.yaml",
        "massgraph init --yes --model local --agents 5 --rule majority -",
        "massgraph init --yes --model openai:gpt-6.1-terra --web-search --budget 2 team.yaml",
    ],
)
@click.argument("file", required=False, default=DEFAULT_FILE, shell_complete=files)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take what is found.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="PROVIDER:NAME",
    shell_complete=models,
    help="Who answers; repeatable. A provider alone: its usual model.",
)
@click.option("--agents", type=int, metavar="N", help="How many agents.")
@click.option("--graph", metavar="NAME", shell_complete=graphs, help="How they work together.")
@click.option("--rule", metavar="NAME", shell_complete=rules, help="How their votes decide.")
@click.option("--web-search/--no-web-search", default=None, help="Whether they may search the web.")
@click.option("--budget", type=float, metavar="USD", help="Dollars a question; 0: no limit.")
@verbose_option
def init(file: str, yes: bool, force: bool, **given: Any) -> int:
    """Write a commented config to FILE (massgraph.yaml), or to stdout where FILE is `-`.

    It looks which providers' keys are set, without showing them, and whether the embedded model is
    there; then it asks what options have not answered. With --yes, or where FILE is `-`, it asks
    nothing and takes what it finds: a model of each provider whose key is set, or else the
    embedded model.
    """
    from ..config.env import read_env_file
    from ..config.starter import schema_beside, starter

    answers = Answers(**given)
    out = None if file == "-" else _file(file, force)
    for problem in read_env_file():
        say(f"{problem.place}: warning: {problem.message}")
    if yes or out is None:
        choices = _taken(answers)
    else:
        _check_terminal()
        with Stdout():  # what is left of a prompt, Python itself writes to stdout
            choices = _asked(answers)
    schema = schema_beside(Path(file)) if out is not None else None
    text = starter(choices, schema=schema, file=DEFAULT_FILE if out is None else file)
    _check(text)
    if out is None:
        with Stdout() as stdout:
            stdout.write(text.encode())
        return Status.OK
    out.write(text.encode())
    named = shlex.quote(file)
    say(f"{file} is written. Next:\n")
    say(f'  massgraph run -c {named} "How many moons does Mars have?"')
    say(f"  massgraph doctor -c {named}")
    return Status.OK


def _file(name: str, force: bool) -> OutFile:
    """Return the file, checked before anything is asked.

    Raises:
        UserError: When it is there and must not be replaced, or cannot be written.
    """
    from ..backends.errors import UserError

    if os.path.lexists(name) and not force:
        raise UserError(f"{name} is there already.", hint="Name another file, or add --force.")
    try:
        return OutFile.check(name)
    except UserError as exc:  # here, it is no option
        raise UserError(str(exc).removeprefix("-o ")) from exc


def _check_terminal() -> None:
    """Raise where nobody could answer."""
    if not all(map(is_terminal, (sys.stdin, sys.stderr))):
        raise click.UsageError(
            "there is no terminal to ask at: add --yes, and --model, --agents, --rule, ... for "
            "what it should not choose by itself."
        )


def _taken(answers: Answers) -> Choices:
    """Return the choices without asking."""
    return _proposed(answers).checked()


def _proposed(answers: Answers) -> Choices:
    """Return what is chosen where nobody says otherwise."""
    from ..config.models import ALONE
    from ..config.starter import DEFAULT_BUDGET_USD, Choices, full_name, ready_models

    named = tuple(full_name(one) for one in answers.models or ready_models())
    graph = answers.graph or ("single" if answers.agents == 1 else "team")
    number = 1 if graph in ALONE else len(named) if len(named) > 1 else 3
    budget = DEFAULT_BUDGET_USD if answers.budget is None else answers.budget
    return Choices(
        models=named,
        agents=number if answers.agents is None else answers.agents,
        graph=graph,
        rule=answers.rule or ("plurality" if graph == "team" else None),
        web_search=bool(answers.web_search),
        budget_usd=budget or None,
    )


def _asked(answers: Answers) -> Choices:
    """Return the choices, asking for what the options leave open."""
    from ..config.starter import RULE_CHOICES

    _tell_found()
    if not answers.models:
        proposed = " ".join(_proposed(answers).models)
        answers = replace(answers, models=_ask("Models, one or more of these", proposed, _models))
    if answers.agents is None and answers.graph is None:
        number = _ask("How many agents", str(_proposed(answers).agents), _number)
        answers = replace(answers, agents=number)
    choices = _proposed(answers)
    if choices.rule is not None and answers.rule is None:
        say("\nHow they decide:")
        for name, told in RULE_CHOICES.items():
            say(f"  {name:14} {told}")
        answers = replace(answers, rule=_ask("Rule", choices.rule, _rule))
    if answers.web_search is None and choices.search_models:
        searching = click.confirm("\nMay they search the web", default=False, err=True)
        answers = replace(answers, web_search=searching)
    if answers.budget is None and not choices.is_local:
        dollars = _ask("Dollars that a question may cost, 0 for no limit", "1", _dollars)
        answers = replace(answers, budget=dollars)
    return _proposed(answers).checked()


def _tell_found() -> None:
    """Say which providers can be asked from here; a key is named by its variable."""
    from ..catalogue import access_to, local_missing
    from ..config.starter import DEFAULT_MODELS, EMBEDDED, proposed

    say("Who can answer, and another model is named in the same way:")
    lacks = {proposed(name): access_to(name).missing for name in DEFAULT_MODELS}
    ready = {proposed(name): f"{access_to(name).variable} is set" for name in DEFAULT_MODELS}
    lacks[EMBEDDED], ready[EMBEDDED] = local_missing(), "no key, no network"
    for model, missing in lacks.items():
        said = f"ready: {ready[model]}" if missing is None else f"not yet: {missing}"
        say(f"  {model:{max(map(len, lacks))}}  {said}")
    say("")


def _ask(question: str, proposed: str, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read; Enter takes what is proposed."""
    return click.prompt(question, default=proposed, value_proc=_reading(read), err=True)


def _reading(read: Callable[[str], T]) -> Callable[[str], T]:
    from ..backends.errors import UserError

    def reading(text: str) -> T:
        try:
            return read(text)
        except UserError as exc:
            raise click.UsageError(str(exc)) from exc

    return reading


def _models(text: str) -> tuple[str, ...]:
    from ..config.starter import full_name

    return tuple(full_name(word) for word in text.replace(",", " ").split())


def _number(text: str) -> int:
    from ..config.starter import MOST_AGENTS

    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_AGENTS:
        raise click.UsageError(f"a number from 1 to {MOST_AGENTS}")
    return int(text)


def _rule(text: str) -> str:
    from ..backends.words import did_you_mean, quoted
    from ..config.starter import RULE_CHOICES

    if text not in RULE_CHOICES:
        raise click.UsageError(f"no rule {quoted(text)}{did_you_mean(text, tuple(RULE_CHOICES))}")
    return text


def _dollars(text: str) -> float:
    try:
        number = float(text.removeprefix("$"))
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise click.UsageError("a number of US dollars, such as 0.50")
    return number


def _check(text: str) -> None:
    """Check what is about to be written as `massgraph validate` would.

    Raises:
        ConfigError: When the choices do not go together.
    """
    from ..config import load_document
    from ..config.document import Document
    from ..config.yaml_source import parse_yaml

    document = Document("init")
    if (written := parse_yaml(text)) is not None:
        document.build(written)
    load_document(document)
