"""How xAI says that something failed: by a sentence, where OpenAI has a code.

A wrong key comes as HTTP 400, and money that is used up as HTTP 429 or 403, each in a body like
`{"code": "Client specified an invalid argument", "error": "Incorrect API key provided: ..."}`, of
which the SDK keeps the `error`. The sentences count in the middle of a stream, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import AuthError
from ..failures import described, status_code
from ..openai_sdk.errors import OPENAI

_WRONG_KEY = "invalid_api_key"
_SENTENCES: Mapping[str, str] = {
    "incorrect api key": _WRONG_KEY,
    "used all available credits": "insufficient_quota",
    "spending limit": "insufficient_quota",
}
"""What a sentence holds -> OpenAI's code for it."""


def _coded(body: Mapping[str, Any]) -> Mapping[str, Any]:
    said = str(body.get("message")).lower()
    code = next((code for words, code in _SENTENCES.items() if words in said), None)
    return body if code is None else {**body, "code": code}


def _status(exc: Exception) -> int | None:
    """Return the HTTP status; that of a wrong key is 401, as everywhere else."""
    return 401 if _coded(described(exc)).get("code") == _WRONG_KEY else status_code(exc)


XAI = replace(
    OPENAI,
    decisive={**OPENAI.decisive, _WRONG_KEY: AuthError},
    coded=_coded,
    status=_status,
)
"""The OpenAI SDK's, at xAI."""
