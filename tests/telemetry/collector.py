"""A collector on this machine, which keeps what it is sent by OTLP over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

INFO = json.dumps(
    {
        "batch_ingest_config": {
            "use_multipart_endpoint": False,
            "size_limit": 100,
            "size_limit_bytes": 20_000_000,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 4,
            "scale_down_nempty_trigger": 4,
        }
    }
).encode()
"""What a LangSmith server says of itself: that it takes plain JSON."""


class Collector:
    """Keeps bodies by their path; a context manager.

    Args:
        holds: Whether it answers nobody until it is closed.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self._go = threading.Event()
        if not holds:
            self._go.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[str]:
        """Return the names of all spans."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self._of("/v1/traces")]
        return [
            span.name
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> set[str]:
        """Return the names of all metrics."""
        bodies = self._of("/v1/metrics")
        requests = [ExportMetricsServiceRequest.FromString(body) for body in bodies]
        return {
            metric.name
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def _of(self, path: str) -> list[bytes]:
        return [body for there, body in self.bodies if there == path]

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bodies, go = self.bodies, self._go

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(INFO)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bodies.append((self.path, body))
                go.wait(20)
                self._say(b"")

            do_PATCH = do_POST  # noqa: N815 - as the server wants it

            def _say(self, body: bytes) -> None:
                try:
                    self.send_response(200)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # nobody waits any more

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
