"""The providers' own hosts, and the variables that their users set."""

from __future__ import annotations

from dataclasses import replace

from .endpoint import Vendor

OPENAI = Vendor(
    title="OpenAI",
    url="https://api.openai.com/v1",
    host="api.openai.com",
    key_variables=("OPENAI_API_KEY",),
    url_variable="OPENAI_BASE_URL",
    shares_key=True,
)
COMPATIBLE = replace(OPENAI, url_variable=None, shares_key=False)
"""OpenAI, and anybody who speaks its older protocol: most of those have nothing to do with it."""
ANTHROPIC = Vendor(
    title="Anthropic",
    url="https://api.anthropic.com",
    host="anthropic.com",
    key_variables=("ANTHROPIC_API_KEY",),
    url_variable="ANTHROPIC_BASE_URL",
    example="http://127.0.0.1:8000",
    shares_key=True,
)
GOOGLE = Vendor(
    title="Google",
    url="https://generativelanguage.googleapis.com",
    host="generativelanguage.googleapis.com",
    key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    url_variable="GOOGLE_GEMINI_BASE_URL",
    example="http://127.0.0.1:8000",
    shares_key=True,
)
XAI = Vendor(
    title="xAI",
    url="https://api.x.ai/v1",
    host="api.x.ai",
    key_variables=("XAI_API_KEY",),
    url_variable="XAI_BASE_URL",
    shares_key=True,
)

VENDORS = (OPENAI, ANTHROPIC, GOOGLE, XAI)
"""One row for each."""
