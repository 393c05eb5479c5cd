"""Run: the handle of a run that goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from .closing import AsyncClosing
from .graphs.running import GraphRun, Status
from .nodes.events import Event
from .result import Result


class Run(AsyncClosing):
    """The handle of a run: iterate over it for events, await `result()` for its end.

    As an async context manager it leaves nothing behind: a run that still runs is cancelled.
    """

    def __init__(self, run: GraphRun, output_type: Any = None) -> None:
        self._run = run
        self._output_type = output_type

    @property
    def thread_id(self) -> str:
        """The run's thread."""
        return self._run.thread_id

    @property
    def status(self) -> Status:
        """`running`, or the outcome."""
        return self._run.status

    def cancel(self) -> None:
        """Stop the run: provider calls are closed at once, and the outcome is `cancelled`."""
        self._run.cancel()

    def cancel_agent(self, agent: str) -> None:
        """Stop one agent: its call is closed at once, and it sits out the rest of the question.

        A vote that it has cast stands, and so does its answer. Nothing happens once the run is
        over.

        Raises:
            UserError: When there is no such agent.
        """
        self._run.cancel_agent(agent)

    def retry_agent(self, agent: str) -> None:
        """Ask one agent afresh, also one that has failed or was cancelled.

        At its turn it is asked again at once, which is none of its attempts; one that sits out is
        asked from the next round on.

        Raises:
            UserError: When there is no such agent.
        """
        self._run.retry_agent(agent)

    async def result(self) -> Result:
        """Wait for the end.

        Raises:
            RunError: When the run could not go on; its `result` is what there was by then.
        """
        return Result.from_dict(await self._run.result(), self._output_type)

    def events(self) -> AsyncGenerator[Event, None]:
        """Give out the events, the last one `run_finished`; for one reader."""
        return self._run.events()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def aclose(self) -> None:
        """Cancel the run if it still runs, and wait until nothing of it is left."""
        await self._run.aclose()
