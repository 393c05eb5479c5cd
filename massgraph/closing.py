"""What closes itself at the end of an `async with`."""

from __future__ import annotations

from abc import abstractmethod
from types import TracebackType
from typing import Self


class ClosingExit:
    """The end of an async context manager: `aclose`."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close it."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class AsyncClosing(ClosingExit):
    """An async context manager that is its own value, and ends with `aclose`."""

    async def __aenter__(self) -> Self:
        return self
