"""What the tests of the backends share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.backends.contract")


@pytest.fixture(scope="session", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK before the first test that measures time."""
    import openai  # noqa: F401
