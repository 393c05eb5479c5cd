"""Policy: every knob of the protocol, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..backends.errors import UserError
from .rules import Rule, Tie

RuleName = Literal["plurality", "majority", "supermajority", "unanimity", "borda", "ranked"]

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

NOT_YET: Mapping[str, tuple[Any, ...]] = {
    "threshold": (2 / 3,),
    "visibility": ("all",),
    "visible_peers": (None,),
    "novelty": ("exact",),
    "voting_sensitivity": ("balanced",),
    "settle_early": (False,),
    "output_type": (None,),
    "presenter": (None,),
    "max_calls": (None,),
    "max_tokens": (None,),
    "max_cost_usd": (None,),
    "final": ("present", "reuse"),
    "rule": ("plurality",),
}
"""What a key may be as long as the rest of it is not built: other values are refused by name."""


class PolicyFields(BaseModel):
    """The keys of a policy; what each one means stands in docs/policy.md.

    All `_s` keys are seconds.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )

    rule: RuleName | Rule = "plurality"
    threshold: Share | Literal[1] = 2 / 3
    weights: dict[str, Weight] = Field(default_factory=dict)
    quorum: Count | Share = 1
    self_votes: Literal["allow", "ignore", "forbid"] = "allow"
    tie: Tie = "earliest_answer"
    seed: Annotated[int, Field(ge=0)] = 0
    on_new_answer: Literal["cancel", "finish"] = "cancel"
    visibility: Literal["all", "ring", "random", "none"] = "all"
    visible_peers: Count | None = None
    novelty: Literal["exact", "lenient", "strict"] | Share = "exact"
    voting_sensitivity: Literal["lenient", "balanced", "strict"] = "balanced"
    max_answers_per_agent: Count = 3
    max_debate_rounds: Annotated[int, Field(ge=0)] = 1
    max_unfinished_rounds: Annotated[int, Field(ge=0)] = 1
    idle_timeout_s: Seconds | None = 60.0
    call_timeout_s: Seconds | None = None
    attempts: Count = 3
    soft_deadline_s: Seconds = 240.0
    round_deadline_s: Seconds = 300.0
    run_deadline_s: Seconds = 1800.0
    max_calls: Count | None = None
    max_tokens: Count | None = None
    max_cost_usd: Seconds | None = None
    settle_early: bool = False
    final: Literal["present", "reuse", "synthesize"] = "present"
    output_type: Any = None
    presenter: str | None = None
    single: Literal["answer", "coordinate"] = "answer"

    @field_validator("rule", mode="before")
    @classmethod
    def _rule_is_known(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in get_args(RuleName):
            raise ValueError(f"unknown rule {value!r}; known: {', '.join(get_args(RuleName))}")
        return value

    @field_validator("quorum", mode="before")
    @classmethod
    def _quorum_is_one(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (0 < value < 1 or (isinstance(value, int) and value >= 1)):
            raise ValueError(
                f"{value!r} is neither a number of ballots from 1 nor a share between 0 and 1"
            )
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _built_already(cls, value: Any, info: ValidationInfo) -> Any:
        supported = NOT_YET.get(info.field_name or "")
        rule_of_ones_own = info.field_name == "rule" and callable(value)
        if supported is None or rule_of_ones_own or value in supported:
            return value
        words = " | ".join("none" if v is None else str(v) for v in supported)
        raise ValueError(f"{value!r} is not supported yet; supported: {words}")

    @model_validator(mode="after")
    def _stages_in_order(self) -> Self:
        given = self.model_fields_set
        if "soft_deadline_s" in given and self.soft_deadline_s > self.round_deadline_s:
            raise ValueError(
                f"soft_deadline_s ({self.soft_deadline_s:g}) is later than "
                f"round_deadline_s ({self.round_deadline_s:g})"
            )
        return self

    @property
    def soft_share(self) -> float:
        """The soft deadline as a share of the round's; 0.8 where a round is shorter than it."""
        share = self.soft_deadline_s / self.round_deadline_s
        return share if share <= 1 else 0.8


class Policy(PolicyFields):
    """A policy; every key has a default.

    Raises:
        UserError: When a key is unknown, or its value is wrong or not supported yet.
    """

    def __init__(self, **keys: Any) -> None:
        try:
            super().__init__(**keys)
        except ValidationError as exc:
            raise UserError(f"Policy: {describe(exc)}") from exc

    def describe(self) -> dict[str, Any]:
        """Return the policy as plain values, a rule of one's own by its name."""
        values = self.model_dump()
        if callable(self.rule):
            values["rule"] = getattr(self.rule, "__name__", repr(self.rule))
        return values


def describe(exc: ValidationError) -> str:
    """Return all problems of a validation in one line."""
    problems: dict[str, str] = {}
    for error in exc.errors():
        key = str(error["loc"][0]) if error["loc"] else ""
        text = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            text = "unknown key"
        problems.setdefault(key, f"{key}: {text}" if key else text)
    return "; ".join(problems.values())
