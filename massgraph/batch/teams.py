"""Who answers: one team for all questions, or one for each that is under way."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.scripted import ScriptedBackend
from ..closing import AsyncClosing

if TYPE_CHECKING:
    from ..agent import Agent
    from ..config import TeamConfig
    from ..store.base import Storage
    from ..team import Team


class Teams(AsyncClosing):
    """The team, for as many questions at once as there are.

    A team answers any number of questions at once: its connections, limits and tools are shared.
    But a scripted agent has played what it has played: each question gets one of its own, whose
    script begins anew.

    Args:
        config: The team.
        storage: Where its threads are kept.
        records: Where the events of its runs are recorded; None for nowhere.

    Raises:
        UserError: When the team can't be built.
    """

    def __init__(self, config: TeamConfig, storage: Storage, records: Path | None) -> None:
        self._storage, self._records = storage, records
        self._scripted = any(_is_scripted(agent) for agent in config.agents)
        if self._scripted:
            config = replace(config, agents=[_settled(agent) for agent in config.agents])
        self._config = config
        self._all: list[Team] = []
        self._free: list[tuple[Team, list[ScriptedBackend]]] = []

    @contextmanager
    def lent(self) -> Generator[Team]:
        """Lend a team to one question, for as long as the block runs."""
        if not self._scripted:
            yield self._all[0] if self._all else self._made(self._config)
            return
        team, scripts = self._free.pop() if self._free else self._with_scripts()
        for script in scripts:
            script.rewind()
        yield team
        self._free.append((team, scripts))  # one that broke is not lent again

    async def aclose(self) -> None:
        """Close what the teams have opened, and the store."""
        for team in self._all:
            await team.aclose()
        await self._storage.aclose()

    def _with_scripts(self) -> tuple[Team, list[ScriptedBackend]]:
        """Make a team whose scripts are its own."""
        scripts: list[ScriptedBackend] = []
        agents: list[Agent] = []
        for agent in self._config.agents:
            if isinstance(agent.backend, ScriptedBackend):
                scripts.append(agent.backend.afresh())
                agents.append(replace(agent, backend=scripts[-1]))
            else:
                agents.append(agent)
        return self._made(replace(self._config, agents=agents)), scripts

    def _made(self, config: TeamConfig) -> Team:
        team = config.team(db=self._storage, records=self._records)
        self._all.append(team)
        return team


def _is_scripted(agent: Agent) -> bool:
    return isinstance(agent.backend, ScriptedBackend)


def _settled(agent: Agent) -> Agent:
    """Return an agent whose backend is built, so that several teams share it."""
    if _is_scripted(agent):
        return agent
    return replace(agent, backend=agent.build_backend(), fallback=None)
