"""The only import of OpenTelemetry: spans, sent in batches from a thread of its own to an OTLP receiver over HTTP.

What there is to set is read by the SDK from the variables of the environment that OpenTelemetry defines.
"""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from anpr import log
from workers.traces import Fact, Span

_log = log.get(__name__)
FLUSH_S = 1.0  # Ctrl-C has everything gone within 10 s, of which workers have 2
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Otlp:
    """Makes spans and sends them; a full queue or a receiver that is away loses spans and holds nothing up."""

    def __init__(self, role: str) -> None:
        named = Resource(
            {
                "service.name": "anpr",
                "service.version": version("anpr"),
                "service.instance.id": f"{role}:{socket.gethostname()}:{os.getpid()}",
            }
        )
        resource = Resource.create().merge(named).merge(OTELResourceDetector().detect())  # the environment wins
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter(OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("anpr", version("anpr"))

    def span(self, stage: str, context: str, links: Sequence[str], facts: Mapping[str, Fact]) -> "TracedSpan":
        """A span that follows `context`, or begins a trace where that is ""."""
        parent = set_span_in_context(NonRecordingSpan(_parsed(context))) if context else set_span_in_context(_NONE)
        begun = self._tracer.start_span(
            stage,
            context=parent,
            kind=SpanKind.CONSUMER if context else SpanKind.PRODUCER,
            attributes={"anpr.stage": stage} | _named(facts),
            links=[Link(_parsed(link)) for link in links],
        )
        return TracedSpan(begun)

    def close(self) -> None:
        """Send what is left, for FLUSH_S at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        closing.start()
        closing.join(FLUSH_S)


class TracedSpan(Span):
    """A span that OpenTelemetry made."""

    def __init__(self, begun: OtelSpan) -> None:
        self._begun = begun

    @property
    def context(self) -> str:
        told = self._begun.get_span_context()
        return f"00-{told.trace_id:032x}-{told.span_id:016x}-01" if told.trace_flags.sampled else ""

    def note(self, **facts: Fact) -> None:
        self._begun.set_attributes(_named(facts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._begun.set_status(Status(StatusCode.ERROR, kind.__name__))  # its text may hold a plate
        self._begun.end()


class _Exporter(SpanExporter):
    """Tells once when the receiver goes away, and once when it is back."""

    def __init__(self, inner: OTLPSpanExporter) -> None:
        self._inner = inner
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        if is_away and not self._is_away:
            _log.warning("traces.lost", why="the receiver does not take them")
        elif self._is_away and not is_away:
            _log.info("traces.sent_again")
        self._is_away = is_away
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


_NONE = NonRecordingSpan(SpanContext(0, 0, is_remote=False))


def _parsed(context: str) -> SpanContext:
    """A context as W3C Trace Context writes it, version 00."""
    _, trace_id, span_id, _ = context.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=SAMPLED)


def _named(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {f"anpr.{name}": fact for name, fact in facts.items()}
