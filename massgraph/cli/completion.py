"""`massgraph completion`: the shell's own script, and what it asks of us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from .command import Command
from .ending import Status
from .output import Stdout
from .verbosity import verbose_option

VARIABLE = "_MASSGRAPH_COMPLETE"
PROGRAM = "massgraph"

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("$value")
        fi
    done
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
"""Unlike click's own, it passes the line as it was typed: Bash takes `provider:model` for three
words, which cannot be told from three words any more once they are joined."""


class Bash(BashComplete):
    """Completion in Bash, of words with colons, too."""

    source_template = _BASH

    def source(self) -> str:
        """Return the script; Bash is not started to find out its version."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one that it is in."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        at_end = words and not line[-1].isspace()
        self._typed = words.pop() if at_end else ""
        return words, self._typed

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return an item, less what stands before the last colon: Bash leaves that as it is."""
        value = str(item.value)
        before = self._typed.rpartition(":")[0]
        breaks = ":" in os.environ.get("COMP_WORDBREAKS", ":")
        if breaks and before and value.startswith(f"{before}:"):
            value = value[len(before) + 1 :]
        return f"{item.type},{value}"


SHELLS: Mapping[str, tuple[type[ShellComplete], str]] = {
    "bash": (Bash, 'To install it, put into ~/.bashrc: eval "$(massgraph completion bash)"'),
    "zsh": (
        ZshComplete,
        'To install it, put into ~/.zshrc, after compinit: eval "$(massgraph completion zsh)"',
    ),
    "fish": (
        FishComplete,
        "To install it: massgraph completion fish > ~/.config/fish/completions/massgraph.fish",
    ),
}
"""Each shell: what makes its script and its answers, and how the script is installed."""


@click.command(
    "completion",
    cls=Command,
    short_help="Complete words in a shell.",
    examples=[
        'eval "$(massgraph completion bash)"',
        "massgraph completion fish > ~/.config/fish/completions/massgraph.fish",
    ],
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@verbose_option
def completion(shell: str) -> int:
    """Print the script that completes massgraph's words in SHELL; it says how to install it."""
    from .commands import cli

    made, how = SHELLS[shell]
    script = made(cli, {}, PROGRAM, VARIABLE).source()
    head, newline, rest = script.partition("\n")
    if not head.startswith("#compdef"):  # zsh wants that first
        head, newline, rest = "", "", script
    with Stdout() as stdout:
        stdout.write(f"{head}{newline}# {how}\n{rest}".encode())
    return Status.OK


def answer_shell(cli: click.Command, instruction: str) -> int:
    """Print what a shell asks for, `SHELL_complete`, and return the status.

    Nothing else may be printed, whatever happens: the shell would take it for an answer, or a
    person would find it in the line that is being typed.
    """
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what != "complete":
        return Status.FAILED
    try:
        answer = SHELLS[shell][0](cli, {}, PROGRAM, VARIABLE).complete()
    except Exception:
        return Status.FAILED
    with Stdout() as stdout:
        stdout.write(f"{answer}\n".encode())
    return Status.OK
