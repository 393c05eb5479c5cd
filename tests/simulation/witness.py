"""A witness of a run with a journal: what was stored at the moment in which an event was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from massgraph.backends.chunks import UsageChunk
from massgraph.backends.reply import StoredReply
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.amount import Amount
from massgraph.nodes.events import CallEnded, Event, RunResumed
from massgraph.nodes.journal import CallKey
from massgraph.nodes.ledger import Ledger
from massgraph.nodes.state import no_usage

if TYPE_CHECKING:
    from .disk import WatchedJournal


class Witness:
    """Is told each event of an attempt at once, in the task of the node that tells it.

    Args:
        replies: The journal.
        key: Returns the call that the running task looked for last.
        agents: The team's ids; the agents of teams inside tell nobody of their calls.
    """

    def __init__(
        self, replies: WatchedJournal, key: Callable[[], CallKey | None], agents: list[str]
    ) -> None:
        self._replies, self._key, self._agents = replies, key, agents
        self.ledger: Ledger | None = None
        """The run's."""
        self.is_dead = False
        """Whether the process has died: what is told from now on, nobody has told."""

    def observe(self) -> Callable[[Event], None]:
        """Return what takes the events of a run: it must not raise."""
        return self._take

    def _take(self, event: Event) -> None:
        if self.is_dead:
            return
        match event:
            case CallEnded():
                found = self._of_a_call(event, self._key())
                self._replies.problems += [f"{what} ({event.agent})" for what in found]
            case RunResumed():
                self._replies.problems += self._of_the_budget(event)
            case _:
                pass

    def _of_a_call(self, event: CallEnded, key: CallKey | None) -> list[str]:
        """Return what is wrong with the end of a call: it must be stored, and as it was stored."""
        over = not event.stopped or event.failure is not None
        if key is None:
            return ["S9: nobody has looked for the reply of a call"]
        if not event.replayed and not over:
            return []
        stored = self._replies.held.get(key)
        if stored is None:
            return ["S9: a reply is acted on before it is stored"]
        used: dict[str, Any] = dict(event.usage)
        before = self._replies.told.get(key)
        if event.replayed and before is not None and before != used:
            return ["S9: a replayed reply has used something else than before"]
        self._replies.told[key] = used
        expected = used_by(stored)
        fits = all(used[what] == many for what, many in expected.items())
        return [] if fits else ["S9: what a call has used is not what is stored of it"]

    def _of_the_budget(self, event: RunResumed) -> list[str]:
        """Return whose stored replies a resumed run's budget does not know of."""
        ledger: Any = self.ledger
        problems = []
        for agent in self._agents:
            replies = sum(
                whose == agent and "|" in key.checkpoint_ns  # a presenter's node counts for itself
                for key, whose in self._replies.stored.items()
            )
            state = Amount.of(event.state["usage"].get(agent, no_usage()))
            spent = state.at_least(ledger._spent.get(agent, Amount()))
            known = sum(ledger._paid.get(agent, []), spent)
            if known.calls < replies:
                problems.append(
                    f"S8: {replies} replies of {agent} are stored, and its budget knows of "
                    f"{known.calls}"
                )
        return problems


def used_by(reply: StoredReply) -> dict[str, int]:
    """Return what a call has used at least, by what is stored of it."""
    usages = [said.chunk.usage for said in reply.said if isinstance(said.chunk, UsageChunk)]
    last = usages[-1] if usages else TokenUsage()
    return {
        "calls": 1,
        "retries": reply.retries,
        "input_tokens": reply.lost.input_tokens + last.input_tokens,
        "output_tokens": reply.lost.output_tokens + last.output_tokens,
    }
