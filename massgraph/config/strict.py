"""What every part of a config has in common: no key that is not known, no type that is guessed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Values that are checked strictly, and then stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
