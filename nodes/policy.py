"""Policy: every knob of the protocol, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ..backends.errors import MissingError, UserError
from .output import OutputType, type_name
from .rules import Rule, Tie, find_rule, rule_name, rule_problem
from .templates import checked_templates
from .visibility import Visibility, VisibilityName, named_visibility

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PolicyFields(BaseModel):
    """The keys of a policy; what each one means stands in docs/policy.md.

    All `_s` keys are seconds.

    Args:
        rule: How votes become a winner.
        threshold: The share of the ballots' weight that `rule: supermajority` needs.
        weights: How much an agent's vote weighs, 1 if left out.
        quorum: Ballots that a rule needs: a number, or a share of the live agents.
        self_votes: Whether an agent may vote for itself; `ignore` casts the vote without counting.
        tie: Who wins among equals.
        seed: All randomness of a run.
        on_new_answer: Whether a new answer stops peers whose work it makes worthless.
        visibility: Whose answers an agent sees.
        visible_peers: How many peers it sees, with `visibility: ring` or `random`.
        novelty: How close a new answer may be to one that its author sees.
        voting_sensitivity: When agents are told that an answer is good enough; wording only.
        max_answers_per_agent: After so many answers an agent may only vote.
        max_debate_rounds: Rounds in which ballots are shown, when the rule finds no winner.
        max_unfinished_rounds: How often those are asked again who have not voted.
        idle_timeout_s: The longest silence of a provider within a call; null for none.
        call_timeout_s: The longest call.
        attempts: Tries within a turn.
        soft_deadline_s: Then an agent that has not begun its action gets one last call.
        round_deadline_s: Then a turn is cut, and its agent abstains.
        run_deadline_s: Then the run settles on what it has.
        max_calls: Provider calls of a run.
        max_tokens: Tokens of a run, in and out.
        max_cost_usd: US dollars of a run.
        settle_early: Whether nobody is waited for whose vote cannot change the winner.
        final: Whether the winner writes the final answer, its stored one is taken, or all are
            merged.
        output_type: A JSON Schema, or `module:type`, that the final answer must fit.
        presenter: Who merges the answers, with `final: synthesize`; the winner if left out.
        single: Whether one agent alone answers, or votes for itself first.
        templates: Words of your own in the place of the machine's.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )

    rule: str | Rule = "plurality"
    threshold: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 2 / 3
    weights: dict[str, Weight] = Field(default_factory=dict)
    quorum: Count | Share = 1
    self_votes: Literal["allow", "ignore", "forbid"] = "allow"
    tie: Tie = "earliest_answer"
    seed: Annotated[int, Field(ge=0)] = 0
    on_new_answer: Literal["cancel", "finish"] = "cancel"
    visibility: Annotated[VisibilityName | Visibility, BeforeValidator(named_visibility)] = "all"
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
    templates: Annotated[dict[str, str], AfterValidator(checked_templates)] = Field(
        default_factory=dict
    )

    @field_validator("rule", mode="after")
    @classmethod
    def _rule_is_one(cls, value: str | Rule) -> str | Rule:
        try:
            problem = rule_problem(find_rule(value))
        except UserError as exc:
            raise ValueError(str(exc)) from exc
        if problem:
            raise ValueError(f"{rule_name(value)} {problem}")
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

    @field_validator("output_type", mode="after")
    @classmethod
    def _output_is_a_type(cls, value: Any) -> Any:
        try:
            OutputType.of(value)
        except MissingError:
            pass  # that is told when the team is built: a policy may be made anywhere
        except UserError as exc:
            raise ValueError(str(exc)) from exc
        return value

    @model_validator(mode="after")
    def _peers_are_chosen(self) -> Self:
        if self.visible_peers is not None and self.visibility not in ("ring", "random"):
            raise ValueError(
                f"visible_peers ({self.visible_peers}) goes with visibility: ring or random"
            )
        return self

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
    def presenter_problem(self) -> str | None:
        """What is wrong with the presenter where only `final` says who presents, if anything is."""
        if self.presenter is None or self.final == "synthesize":
            return None
        return f"a presenter goes with final: synthesize, not with final: {self.final}"

    @property
    def soft_share(self) -> float:
        """The soft deadline as a share of the round's; 0.8 where a round is shorter than it."""
        share = self.soft_deadline_s / self.round_deadline_s
        return share if share <= 1 else 0.8


class Policy(PolicyFields):
    """A policy; every key has a default.

    Raises:
        UserError: When a key is unknown, or its value is wrong.
    """

    def __init__(self, **keys: Any) -> None:
        try:
            super().__init__(**keys)
        except ValidationError as exc:
            raise UserError(f"Policy: {describe(exc)}") from exc

    def filled(self, **defaults: Any) -> Policy:
        """Return the policy with other defaults for the keys that were left unset, or at None.

        Args:
            **defaults: What a graph takes a key for, unless a person says otherwise.
        """
        given = {key: getattr(self, key) for key in self.model_fields_set}
        left = {key: value for key, value in defaults.items() if given.get(key) is None}
        return Policy(**{**given, **left})

    def describe(self) -> dict[str, Any]:
        """Return the policy as plain values, a rule of one's own by its name."""
        values = self.model_dump()
        values["rule"] = rule_name(self.rule)
        if callable(self.visibility):
            values["visibility"] = getattr(self.visibility, "__name__", repr(self.visibility))
        values["output_type"] = _described(self.output_type)
        return values


def _described(output_type: Any) -> Any:
    """Return an output type as a plain value: its schema if it is one, or else its name."""
    if output_type is None or isinstance(output_type, str):
        return output_type
    if isinstance(output_type, Mapping):
        return dict(cast("Mapping[str, Any]", output_type))
    return type_name(output_type)


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
