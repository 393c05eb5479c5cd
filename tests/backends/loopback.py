"""The wire server, with what speaks chat completions.

async with LoopbackServer([text("Hello"), http_error(429, retry_after=2)]) as server:
    backend = ChatCompletionsBackend("m", base_url=server.base_url)
"""

from __future__ import annotations

from ..wire.chat import answer as answer
from ..wire.chat import delta as delta
from ..wire.chat import http_error as http_error
from ..wire.chat import problem as problem
from ..wire.chat import stream as stream
from ..wire.chat import text as text
from ..wire.chat import usage_frame as usage_frame
from ..wire.server import End as End
from ..wire.server import Frame as Frame
from ..wire.server import LoopbackServer as LoopbackServer
from ..wire.server import Reply as Reply
from ..wire.server import Request as Request
from ..wire.server import Script as Script
from ..wire.server import silence as silence
