"""Where tools come from that can only be had once something is open: a server, above all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from ..backends.later import Later

if TYPE_CHECKING:
    from langchain_core import tools as lc
else:
    lc = Later("langchain_core.tools")


class Toolbox(ABC):
    """Tools that must be opened. What is opened belongs to the running event loop."""

    name: str
    """What messages call it."""

    @abstractmethod
    async def tools(self) -> Sequence[lc.BaseTool]:
        """Return its tools, and open it first if it is not open on this loop.

        Raises:
            UserError: When it cannot be opened, with what to do about it.
        """

    @property
    def opened_by(self) -> Hashable:
        """What is opened and closed: toolboxes of one server are opened once."""
        return self

    async def prepare(self) -> None:
        """Make sure that what is open still works; it is opened if it is not.

        Raises:
            UserError: As `tools`.
        """
        await self.tools()

    async def aclose(self) -> None:
        """Close what is open on this loop; it may be opened again."""
