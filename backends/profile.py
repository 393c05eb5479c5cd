"""Which parameters and tools a family of models takes: data, looked up by the model's name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

logger = logging.getLogger("massgraph")

T = TypeVar("T")


def of_model(table: Mapping[str, T], model: str) -> T:
    """Return the entry of a model: the one with the longest beginning of its name.

    Args:
        table: How models' names begin, in lower case -> what holds for them; "" holds for all.
        model: The model's name; what stands before its last `/` does not count.
    """
    name = model.lower().rpartition("/")[2]
    return table[max((start for start in table if name.startswith(start)), key=len)]


def taken(
    params: Mapping[str, Any], refused: Mapping[str, str], *, model: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Split parameters into those that a model takes, and those that it does not.

    Args:
        params: What is given; None counts as not given.
        refused: Parameter -> why it is not sent.
        model: The model, for the warning.

    Returns:
        What is sent, and what is not: parameter -> a sentence that says why.
    """
    sent = {name: value for name, value in params.items() if value is not None}
    unsent = {
        name: f"{model} does not take {name}, so it is not sent: {refused[name]}."
        for name in (*sent,)
        if name in refused
    }
    for name, why in unsent.items():
        del sent[name]
        logger.warning("%s", why)
    return sent, unsent
