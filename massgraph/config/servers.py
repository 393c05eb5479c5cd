"""The `mcp_servers:` of a config."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ..backends.errors import MissingError, UserError
from ..backends.keys import shown_variable
from ..tools.address import Address
from ..tools.variables import missing_variables
from .checking import check
from .document import Document, Keys
from .problems import Problem, quoted
from .strict import Strict

if TYPE_CHECKING:
    from ..tools.mcp import McpServer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ServerFields(Strict):
    """An MCP server: a program that is started, or an address.

    Args:
        command: The program that is started.
        args: Its arguments.
        env: Variables that it gets; `${NAME}` stands for one of the environment.
        url: The address, of a server that runs already.
        headers: What is sent with each request; `${NAME}` stands for a variable.
        tools: The tools that may be used; all if left out.
        timeout_s: Seconds that it may take to answer.
        max_chars: Characters of a result that are kept.
    """

    command: str | None = None
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    tools: list[str] | None = None
    timeout_s: Annotated[float, Field(gt=0)] | None = None
    max_chars: Annotated[int, Field(gt=0)] = 20_000


def read_servers(
    given: Any, document: Document, warnings: list[Problem]
) -> dict[str, McpServer | None]:
    """Return the servers by their names, with None for each that is wrong or not usable here.

    Args:
        given: The value of `mcp_servers`.
        document: Takes the problems.
        warnings: Takes what is missing on this machine.
    """
    servers: dict[str, Any] = given if isinstance(given, dict) else {}
    return {name: _read(name, value, document, warnings) for name, value in servers.items()}


def _read(name: str, given: Any, document: Document, warnings: list[Problem]) -> McpServer | None:
    keys: Keys = ("mcp_servers", name)
    known = len(document.problems)
    if not _NAME.fullmatch(name):
        message = f"{quoted(name)} can't be a server's name: letters, digits, '_', '-' and '.'"
        document.problem(keys, message, key=True)
    if not isinstance(given, dict):
        document.problem(keys, f"{quoted(name)} must be a mapping, with a command or a url")
        return None
    fields = check(ServerFields, given, document, keys)
    if fields is None:
        return None
    _fitting(fields, document, keys)
    if len(document.problems) > known:
        return None
    _missing(fields, given, document, warnings, keys)
    from ..tools.mcp import McpServer

    try:
        return McpServer(name, **fields.model_dump())
    except MissingError as exc:
        warnings.append(Problem(document.place(keys, key=True), str(exc), missing=True))
    except UserError as exc:
        document.problem(keys, str(exc))
    return None


def _fitting(fields: ServerFields, document: Document, keys: Keys) -> None:
    """Note what does not go with a program, with an address, or with the tools."""
    given = fields.model_dump(include={"command", "url", "args", "env", "headers"})
    for where, message, is_key in Address(**given).problems():
        document.problem((*keys, *where), message, key=is_key)
    for number, tool in enumerate(fields.tools or ()):
        if tool in (fields.tools or ())[:number]:
            document.problem((*keys, "tools", number), f"{quoted(tool)} is there twice")
    if fields.tools == []:
        message = "tools allows none; name some, or leave it out to allow all"
        document.problem((*keys, "tools"), message)


def _missing(
    fields: ServerFields, given: Any, document: Document, warnings: list[Problem], keys: Keys
) -> None:
    """Note what is not in place on this machine: a program, a variable."""
    if fields.command is not None and shutil.which(fields.command) is None:
        message = f"there is no program {quoted(fields.command)}; install it, or write its path"
        warnings.append(Problem(document.place((*keys, "command")), message, missing=True))
    for part in ("env", "headers"):
        for name, value in getattr(fields, part).items():
            for variable in missing_variables(value):
                message = f"the environment variable {shown_variable(variable)} is not set"
                place = document.place((*keys, part, name))
                warnings.append(Problem(place, message, missing=True))
