"""RunLogs: what a person reads of a run, beside its record, in the run's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..nodes.events import Event, RunFinished
from ..store.paths import no_link
from .agent_log import AgentLogs
from .attempt_head import AttemptHead
from .result_file import write_result
from .story_log import StoryLog
from .text_file import append_text, own_folder
from .vote_log import VoteLog

AGENTS = "agents"
STORY = "run.txt"
VOTES = "votes.txt"


class RunLogs:
    """Writes the logs of one attempt of a run, each of which is only ever appended to.

    It blocks: use a thread. What is written is in proportion to what is told, and little is kept:
    the line that is not finished yet, and the drafts of a round.

    Args:
        folder: The run's folder.
        head: The run; made up from the folder's name and the time if left out.
    """

    def __init__(self, folder: Path, head: AttemptHead | None = None) -> None:
        self.folder = folder
        if head is None:
            head = AttemptHead(int(folder.name) if folder.name.isdecimal() else 1)
        self._agents, self._votes, self._story = AgentLogs(head), VoteLog(head), StoryLog(head)
        self._made = False

    def write(self, events: Iterable[Event]) -> None:
        """Write what the next events add to the logs; with the last one the result, too.

        Raises:
            OSError: When something cannot be written, or the folder was removed meanwhile.
            StoreError: When a link leads elsewhere.
        """
        added: dict[Path, list[str]] = {}
        result = None
        for event in events:
            for agent, text in self._agents.feed(event):
                added.setdefault(self.folder / AGENTS / f"{agent}.txt", []).append(text)
            added.setdefault(self.folder / VOTES, []).append(self._votes.feed(event))
            added.setdefault(self.folder / STORY, []).append(self._story.feed(event))
            if isinstance(event, RunFinished):
                result = event.result
        if added:
            for folder in (self.folder, self.folder / AGENTS):
                (no_link if self._made else own_folder)(folder)
            self._made = True
        for path, texts in added.items():
            if any(texts):
                append_text(path, "".join(texts))
        if result is not None:
            write_result(self.folder, result)
