"""How the OpenAI SDK, and the servers that speak OpenAI's protocols, say that something failed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    InternalBackendError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    RefusedError,
)
from ..failures import Dialect, Row

_DECISIVE_CODES: Mapping[str, type[BackendError]] = {
    "insufficient_quota": AuthError,
    "insufficient_balance": AuthError,
    "billing_hard_limit_reached": AuthError,
    "billing_not_active": AuthError,
    "bio_policy": RefusedError,
    "content_filter": RefusedError,
    "content_policy_violation": RefusedError,
    "image_content_policy_violation": RefusedError,
    "misalignment_policy_violation": RefusedError,
    "moderation_blocked": RefusedError,
}

_BAD_IMAGES = (
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
    "image_file_too_large",
    "image_parse_error",
    "image_too_large",
    "image_too_small",
    "invalid_base64_image",
    "invalid_image",
    "invalid_image_format",
    "invalid_image_mode",
    "invalid_image_url",
    "unsupported_image_media_type",
)

_CODES: Mapping[str, type[BackendError]] = {
    "account_deactivated": AuthError,
    "authentication_error": AuthError,
    "invalid_api_key": AuthError,
    "permission_error": AuthError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "requests": RateLimitError,
    "tokens": RateLimitError,
    "too_many_requests": RateLimitError,
    "timeout": BackendTimeoutError,
    "timeout_error": BackendTimeoutError,
    "badrequesterror": BadRequestError,
    "context_length_exceeded": BadRequestError,
    "data_residency_mismatch": BadRequestError,
    "invalid_prompt": BadRequestError,
    "invalid_request_error": BadRequestError,
    "model_not_found": BadRequestError,
    "not_found_error": BadRequestError,
    "notfounderror": BadRequestError,
    "server_error": OverloadedError,
    "vector_store_timeout": BackendTimeoutError,
    **dict.fromkeys(_BAD_IMAGES, BadRequestError),
}


@lru_cache(maxsize=1)
def _rows() -> tuple[Row, ...]:
    import openai

    return (
        (openai.APITimeoutError, BackendTimeoutError),
        (openai.APIConnectionError, BackendConnectionError),
        (openai.APIStatusError, BadRequestError),  # where the status does not say it better
        (openai.APIResponseValidationError, MalformedResponseError),
        (openai.APIError, OverloadedError),
        (openai.LengthFinishReasonError, MalformedResponseError),
        (openai.ContentFilterFinishReasonError, RefusedError),
        (openai.WebSocketConnectionClosedError, BackendConnectionError),
        (openai.WebSocketQueueFullError, OverloadedError),
        (openai.InvalidWebhookSignatureError, MalformedResponseError),
        (openai.OpenAIError, InternalBackendError),
    )


OPENAI = Dialect(rows=_rows, codes=_CODES, decisive=_DECISIVE_CODES)
"""The OpenAI SDK's."""
