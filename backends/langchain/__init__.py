"""Any chat model of LangChain."""

from __future__ import annotations

from .adapter import LangChainBackend as LangChainBackend
