"""Why a candidate ended, and how long to wait for more behind its end."""

from __future__ import annotations

from collections.abc import Mapping

from ..chunks import FinishReason

UNSURE_S = 5.0
"""Seconds to wait for more behind an answer in one frame, which says why the model stopped: there
have been models, and there are servers in between, that say so in every frame."""

MALFORMED = "malformed"

FINISH_REASONS: Mapping[str, FinishReason | str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",  # more tokens than one request may have: nobody asks for the rest
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "LANGUAGE": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "ESCALATION": "refusal",
    "PUP_LIMITED_DISABLED": "refusal",
    "MODEL_ARMOR": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
    "IMAGE_OTHER": "refusal",
    "NO_IMAGE": "other",
    "OTHER": "other",
    "FINISH_REASON_UNSPECIFIED": "other",
    "MALFORMED_FUNCTION_CALL": MALFORMED,
    "UNEXPECTED_TOOL_CALL": MALFORMED,
    "TOO_MANY_TOOL_CALLS": MALFORMED,
    "MISSING_THOUGHT_SIGNATURE": MALFORMED,
    "MALFORMED_RESPONSE": MALFORMED,
}
"""Why a candidate ended; what is not known is `other`."""
