"""A real receiver of OTLP over HTTP, as a collector or Jaeger is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from receiver import served


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span as it came."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes  # b"": none
    links: frozenset[tuple[bytes, bytes]]  # trace and span
    facts: dict[str, str | int]
    resource: dict[str, str | int]
    error: str  # "": none
    took_ns: int


@dataclass
class Receiver:
    """What came, and what is answered."""

    port: int = 0
    status: int = 200
    spans: list[Seen] = field(default_factory=list)
    content: bytes = b""  # of all requests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.spans if one.name == name]


def _plain(pairs: list[KeyValue]) -> dict[str, str | int]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in pairs}


def _seen(content: bytes) -> Iterator[Seen]:
    for of_resource in ExportTraceServiceRequest.FromString(content).resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Seen(
                    name=span.name,
                    trace=span.trace_id,
                    id=span.span_id,
                    parent=span.parent_span_id,
                    links=frozenset((link.trace_id, link.span_id) for link in span.links),
                    facts=_plain(list(span.attributes)),
                    resource=_plain(list(of_resource.resource.attributes)),
                    error=span.status.message,
                    took_ns=span.end_time_unix_nano - span.start_time_unix_nano,
                )


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status == 200 and self.path == "/v1/traces":
                receiver.content += content
                receiver.spans += _seen(content)
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002
            return

    with served(Handler) as receiver.port:
        yield receiver
