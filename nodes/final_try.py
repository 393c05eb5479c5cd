"""Try: what one call for the final answer has come to."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends.errors import BackendError, RefusedError
from ..backends.fold import Turn
from .final_form import Final, FinalForm
from .ledger import Refusal
from .output import MisfitError
from .state import Failure, FailureKind
from .stream import Reply


@dataclass(frozen=True, slots=True)
class Try:
    """What a call came to: a final answer, or why it is none.

    Args:
        final: The answer.
        error: How the call broke.
        misfit: Why the reply does not count.
        cut: Whether the run's deadline cut it.
        cancelled: Whether a person did.
        refused: What is used up, so that it did not go out.
    """

    final: Final | None = None
    error: BackendError | None = None
    misfit: str = ""
    cut: bool = False
    cancelled: bool = False
    refused: Refusal | None = None

    @classmethod
    def of(cls, reply: Reply, form: FinalForm) -> Try:
        """Return what a reply comes to under a form."""
        end = reply.end
        if isinstance(end, BackendError):
            return cls(error=end)
        if isinstance(end, Refusal):
            return cls(refused=end)
        if not isinstance(end, Turn):
            stopped = end == "cancelled"
            return cls(misfit="no final text", cut=end == "hard", cancelled=stopped)
        if end.finish_reason == "refusal":
            said = end.text.strip() or "The model declined to answer."
            return cls(error=RefusedError(said))
        try:
            return cls(final=form.read(end))
        except MisfitError as exc:
            return cls(misfit=str(exc))

    @property
    def is_last(self) -> bool:
        """Whether there is no other try, whatever it came to."""
        return self.cut or self.cancelled or self.refused is not None

    def failure(self, number: int) -> Failure | None:
        """Return why there is no final answer, as the result tells it; in which round.

        To have no budget is no failure.
        """
        if self.refused is not None:
            return None
        kind: FailureKind = self.error.kind if self.error else "protocol"
        why = str(self.error) if self.error else self.misfit
        if self.cut:
            kind, why = "timeout", "the run's deadline cut it"
        if self.cancelled:
            kind, why = "cancelled", "the agent was cancelled"
        return Failure(kind=kind, message=f"Presenting: {why}", round=number)
