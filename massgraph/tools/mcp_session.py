"""A client session of MCP that tells its server when a call is not wanted any more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import anyio
from mcp import ClientSession
from mcp.types import (
    CallToolRequest,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    ClientRequest,
)

TOLD_WITHIN_S = 1.0
"""How long the end of a session waits until its server was told."""


class Session(ClientSession):
    """A session; a tool's call that is cancelled here is cancelled at the server, too."""

    def __init__(self, *streams: Any) -> None:
        super().__init__(*streams)
        self._telling: set[asyncio.Task[None]] = set()

    async def send_request(self, request: ClientRequest, *given: Any, **more: Any) -> Any:
        """Send a request and wait for its result."""
        number = self._request_id
        try:
            return await super().send_request(request, *given, **more)
        except asyncio.CancelledError:
            if isinstance(request.root, CallToolRequest):
                task = asyncio.create_task(self._tell(number))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
            raise

    async def __aexit__(self, *exc: Any) -> bool | None:
        """End the session, once the server was told what there was to tell."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=TOLD_WITHIN_S)
        for task in list(self._telling):
            task.cancel()
        return await super().__aexit__(*exc)

    async def _tell(self, number: int) -> None:
        params = CancelledNotificationParams(requestId=number, reason="not wanted any more")
        notification = CancelledNotification(params=params)
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self.send_notification(ClientNotification(notification))
