"""RunTrace: the events of one run as spans, a fold that leaves none open.

invoke_workflow GRAPH > invoke_agent ID > chat MODEL | execute_tool NAME
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ..nodes import events as ev
from ..nodes.agent_turn import CANCELLED
from .attributes import (
    ERROR,
    INNER,
    LONGEST_NAME,
    MOMENTS,
    Attributes,
    of_agent,
    of_call,
    of_result,
    of_run,
    of_tool,
    plain,
    spent,
)
from .content import Content
from .meters import Meters

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, SpanContext, Tracer


_OfWork = (
    ev.TurnStarted
    | ev.PresentingStarted
    | ev.CallEnded
    | ev.ToolStarted
    | ev.ToolFinished
    | ev.TurnEnded
)
"""What an agent tells only while it works."""


@dataclass(slots=True)
class _Work:
    """An agent's turn, or its presentation, while it goes on.

    Args:
        span: Its span.
        tools: The tools that it uses now: name, when it began in seconds, span.
    """

    span: Span
    tools: list[tuple[str, float, Span]] = field(default_factory=list)


class RunTrace:
    """One attempt of a run, from its first event to its `run_finished`.

    Args:
        tracer: Makes the spans.
        parent: The context in which the run was started.
        content: What is sent of texts.
        clock: From seconds since the run began to nanoseconds since 1970.
        meters: What is measured; None measures nothing.
        before: The span of the attempt before, by its thread.
    """

    def __init__(
        self,
        tracer: Tracer,
        parent: Context,
        content: Content,
        clock: Callable[[ev.Event], Callable[[float], int]],
        *,
        meters: Meters | None = None,
        before: Mapping[str, SpanContext] | None = None,
    ) -> None:
        self._tracer, self._parent, self._content = tracer, parent, content
        self._clock, self._meters, self._before = clock, meters, before or {}
        self._at: Callable[[float], int] = int
        self._run: Span | None = None
        self._agents: dict[str, Mapping[str, str]] = {}
        self._work: dict[str, _Work] = {}
        self.is_over = False
        """Whether its end is told."""

    def take(self, event: ev.Event) -> None:
        """Take the next event in."""
        taken = self.TAKEN.get(type(event))
        if taken is not None:
            taken(self, event)

    @property
    def run(self) -> SpanContext | None:
        """What the run's span is known by, once it has begun."""
        return None if self._run is None else self._run.get_span_context()

    def _begun(self, event: ev.RunStarted | ev.RunResumed) -> None:
        self._agents = {agent["id"]: agent for agent in event.agents}
        self._root(event).set_attributes(self._content.asked(event))

    def _root(self, event: ev.Event) -> Span:
        """Return the span of the run; one that was cut before it began tells its end alone."""
        if self._run is None:
            self._at = self._clock(event)
            of = of_run(event)
            name = f"invoke_workflow {of.get('gen_ai.agent.name', '')}".rstrip()
            self._run = self._open(name, of, event.t, self._parent, links=self._links(event))
        return self._run

    def _links(self, event: ev.Event) -> Sequence[Link]:
        from opentelemetry.trace import Link

        before = self._before.get(event.thread_id) if event.run_attempt > 1 else None
        return [] if before is None else [Link(before)]

    def _open(
        self,
        name: str,
        attributes: Attributes,
        seconds: float,
        parent: Context,
        *,
        calls: bool = False,
        links: Sequence[Link] = (),
    ) -> Span:
        from opentelemetry.trace import SpanKind

        return self._tracer.start_span(
            name,
            parent,
            kind=SpanKind.CLIENT if calls else SpanKind.INTERNAL,
            attributes=attributes,
            links=links,
            start_time=self._at(seconds),
        )

    def _close(self, span: Span, seconds: float, failure: str | None = None) -> None:
        from opentelemetry.trace import Status, StatusCode

        if failure is not None:
            span.set_attribute(ERROR, failure)
            span.set_status(Status(StatusCode.ERROR))
        span.end(self._at(seconds))

    def _works(self, event: ev.TurnStarted | ev.PresentingStarted) -> None:
        self._of(event)

    def _of(self, event: _OfWork) -> _Work:
        """Return an agent's work; a turn that goes on in another attempt tells no beginning."""
        if event.agent not in self._work:
            backend = self._agents.get(event.agent, {})
            within = _inside(self._root(event), self._parent)
            began = event.t - event.seconds if isinstance(event, ev.CallEnded) else event.t
            span = self._open(
                f"invoke_agent {event.agent}", of_agent(event, backend), began, within
            )
            self._work[event.agent] = _Work(span)
        return self._work[event.agent]

    def _call(self, event: ev.CallEnded) -> None:
        inner = event.provider == INNER
        name = f"{'invoke_workflow' if inner else 'chat'} {plain(event.model, LONGEST_NAME)}"
        within = _inside(self._of(event).span, self._parent)
        used = {} if event.replayed else spent(event.usage)
        attributes = {**of_call(event), **used, **self._content.written(event)}
        began = event.t - event.seconds
        span = self._open(name.rstrip(), attributes, began, within, calls=not inner)
        self._close(span, event.t, event.failure)
        if self._meters is not None:
            self._meters.take(event)

    def _tool(self, event: ev.ToolStarted) -> None:
        work = self._of(event)
        attributes = {**of_tool(event), **self._content.given(event)}
        name = f"execute_tool {plain(event.name, LONGEST_NAME)}"
        within = _inside(work.span, self._parent)
        work.tools.append((event.name, event.t, self._open(name, attributes, event.t, within)))

    def _tool_ended(self, event: ev.ToolFinished) -> None:
        work, began = self._of(event), event.t - event.seconds
        same = [one for one in work.tools if one[0] == event.name]
        if same:  # of several at once, the one that began when this one did
            found = min(same, key=lambda one: abs(one[1] - began))
            work.tools.remove(found)
            span = found[2]
        else:  # a provider's own tool is told when it is over
            within = _inside(work.span, self._parent)
            name = f"execute_tool {plain(event.name, LONGEST_NAME)}"
            span = self._open(name, of_tool(event), began, within)
        span.set_attributes(self._content.got(event))
        self._close(span, event.t, None if event.error is None else "tool_error")

    def _turn_ended(self, event: ev.TurnEnded) -> None:
        span = self._of(event).span
        span.set_attribute("massgraph.outcome", event.outcome)
        cancelled = event.outcome == "interrupted" and event.why == CANCELLED
        self._end(event, "cancelled" if cancelled else event.kind)

    def _presented(self, event: ev.PresentingEnded) -> None:
        if event.agent not in self._work:
            return  # a stored answer was presented, and nobody was asked
        if event.presented is not None:
            self._work[event.agent].span.set_attribute("massgraph.presented", event.presented)
        cut = "cancelled" if event.presented is None else None
        self._end(event, cut if event.failure is None else event.failure["kind"])

    def _end(self, event: ev.TurnEnded | ev.PresentingEnded, failure: str | None) -> None:
        work = self._work.pop(event.agent)
        work.span.set_attributes(spent(event.usage))
        self._leave(work, event.t, failure)

    def _leave(self, work: _Work, seconds: float, failure: str | None) -> None:
        """Close an agent's work, and the tools that it had begun to use."""
        for _, _, span in work.tools:
            self._close(span, seconds, failure or "cancelled")
        self._close(work.span, seconds, failure)

    def _moment(self, event: ev.Event) -> None:
        """Tell something that takes no time where it happens."""
        of = MOMENTS[type(event)](event)
        if isinstance(event, ev.VoteCast):
            of |= self._content.reason(event)
        work = self._work.get(event.agent) if isinstance(event, ev.AgentStamp) else None
        span = self._root(event) if work is None else work.span
        span.add_event(f"massgraph.{event.type}", of, timestamp=self._at(event.t))

    def _finished(self, event: ev.RunFinished) -> None:
        run, outcome = self._root(event), str(event.result["outcome"])
        run.set_attributes({**of_result(event.result), **self._content.answered(event.result)})
        self._over(event.t, None if outcome == "settled" else outcome)

    def cut(self, seconds: float) -> None:
        """End what a record leaves open whose last attempt tells no end.

        Args:
            seconds: When its last event was told.
        """
        if not self.is_over:
            self._over(seconds, "cut_off")

    def _over(self, seconds: float, failure: str | None) -> None:
        for work in self._work.values():
            self._leave(work, seconds, failure or "cancelled")
        self._work.clear()
        if self._run is not None:
            self._close(self._run, seconds, failure)
        self.is_over = True

    TAKEN: ClassVar[Mapping[type, Callable[[Any, Any], None]]] = {
        ev.RunStarted: _begun,
        ev.RunResumed: _begun,
        ev.TurnStarted: _works,
        ev.PresentingStarted: _works,
        ev.CallEnded: _call,
        ev.ToolStarted: _tool,
        ev.ToolFinished: _tool_ended,
        ev.TurnEnded: _turn_ended,
        ev.PresentingEnded: _presented,
        ev.RunFinished: _finished,
        ev.AgentText: lambda self, event: self._content.write(event),
        ev.AnswerText: lambda self, event: self._content.write(event),
        ev.FinalText: lambda self, event: self._content.write(event),
        **dict.fromkeys(MOMENTS, _moment),
    }
    """What takes in the events of a type; nothing is sent of all others."""


def _inside(span: Span, context: Context) -> Context:
    """Return the context in which a span is the current one."""
    from opentelemetry.trace import set_span_in_context

    return set_span_in_context(span, context)
