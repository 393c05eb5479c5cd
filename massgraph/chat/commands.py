"""The slash commands of a conversation, as a table."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .place import HERE, nodes_listed

if TYPE_CHECKING:
    from .conversation import Conversation

Act = Callable[["Conversation", str], Awaitable[list[str]]]
"""What a command does with what follows its name; returns the lines that it says."""


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    Args:
        name: Its name, without the slash.
        help: One line.
        act: What it does.
        aliases: Other names.
        argument: What may follow, for the help.
        alone: Whether it has to wait until no run is going on.
    """

    name: str
    help: str
    act: Act
    aliases: tuple[str, ...] = ()
    argument: str = ""
    alone: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)


async def _help(chat: Conversation, argument: str) -> list[str]:
    """Say what commands there are."""
    usages = [" ".join(f"/{name}" for name in one.names) + one.argument for one in COMMANDS]
    width = max(map(len, usages))
    rows = [f"  {usage:<{width}}  {one.help}" for usage, one in zip(usages, COMMANDS, strict=True)]
    return [*rows, f"  {'//TEXT':<{width}}  asks a question that begins with a slash"]


async def _status(chat: Conversation, argument: str) -> list[str]:
    """Say how things stand."""
    team = ", ".join(f"{one.id} ({one.backend})" for one in chat.standing.agents.values())
    waiting = [f"waiting   {asked.told}" for asked in chat.waiting]
    return [f"thread    {chat.thread_id}", f"team      {team}", f"last run  {_run(chat)}", *waiting]


def _run(chat: Conversation) -> str:
    standing, result = chat.standing, chat.result
    if chat.run is not None:
        who = ", ".join(standing.at_work) or "nobody"
        return f"goes on: round {standing.round}, {chat.seconds:.1f} s so far; at work: {who}"
    if result is None:
        return "none yet"
    if result["winner"] is None:
        return f"{result['outcome']}".replace("_", " ")
    by = f", by {result['settled_by']}".replace("_", " ") if result["settled_by"] else ""
    return f"{result['outcome']}: {result['winner']}{by}"


async def _agents(chat: Conversation, argument: str) -> list[str]:
    """Say who they are, and what they do."""
    team = list(chat.standing.agents.values())
    ids, backends, states = (
        max(map(len, column))
        for column in zip(*((one.id, one.backend, one.state) for one in team), strict=True)
    )
    return [
        f"{one.id:<{ids}}  {one.backend:<{backends}}  {one.state:<{states}}  "
        f"{one.usage['input_tokens']:,} tokens in, {one.usage['output_tokens']:,} out"
        for one in team
    ]


async def _cost(chat: Conversation, argument: str) -> list[str]:
    """Say what was used."""
    now = ["the run that goes on is not counted yet"] if chat.run is not None else []
    return [*chat.account.told(chat.thread_id), *now]


async def _graph(chat: Conversation, argument: str) -> list[str]:
    """List the nodes of the graph, and show where the run is."""
    here = chat.standing.nodes
    mark = f", {HERE} where the {'' if chat.run is not None else 'last '}run is" if here else ""
    return [f"the graph {chat.team.name}{mark}:", *nodes_listed(chat.team.drawn(), here)]


async def _reset(chat: Conversation, argument: str) -> list[str]:
    """Begin a new thread."""
    before = chat.begin_thread()
    return [f"a new thread, {chat.thread_id}: nothing that was said before is known there"] + (
        [f"/resume {before} goes back"] if before is not None else []
    )


async def _resume(chat: Conversation, argument: str) -> list[str]:
    """Go on with the last run, or with another thread."""
    return await chat.resume(argument or chat.thread_id)


async def _cancel(chat: Conversation, argument: str) -> list[str]:
    """Cancel the run."""
    if chat.run is None:
        return ["no run is going on"]
    chat.cancel()
    return []


async def _clear(chat: Conversation, argument: str) -> list[str]:
    """Clear the screen."""
    return [] if chat.surface.clear() else ["there is no screen that could be cleared"]


async def _quit(chat: Conversation, argument: str) -> list[str]:
    """Leave."""
    chat.leave()
    return []


COMMANDS: tuple[Command, ...] = (
    Command("help", "lists these commands", _help, ("?",)),
    Command("status", "shows the thread, the run, and what waits", _status),
    Command("agents", "shows who is in the team, what each does and has used", _agents),
    Command("cost", "shows what the last run and the thread have used", _cost),
    Command("graph", "lists the nodes of the graph, and where the run is", _graph),
    Command("cancel", "cancels the run, as Ctrl-C does", _cancel),
    Command(
        "resume",
        "goes on with a run that was cancelled, or with another thread",
        _resume,
        argument=" [THREAD]",
        alone=True,
    ),
    Command("reset", "begins a new thread with the same team", _reset, ("new",), alone=True),
    Command("clear", "clears the screen", _clear),
    Command("quit", "leaves; a run that goes on is cancelled", _quit, ("exit", "q")),
)
"""All commands, in the order of the help."""


def command(name: str) -> Command | None:
    """Return the command of a name, in either case."""
    return next((one for one in COMMANDS if name.lower() in one.names), None)


def unknown(name: str) -> str:
    """Return what is said of a name that no command has."""
    names = [name for one in COMMANDS for name in one.names]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    meant = f"do you mean /{near[0]}?" if near else "/help lists them;"
    return f"there is no command /{name}: {meant} //{name} asks it as a question"
