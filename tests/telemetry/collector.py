"""A collector that takes traces by OTLP over HTTP, as a real one does: protobuf, gzip or not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

from tests.listening import listening

PATIENCE = 15  # seconds: only a broken test needs them


@dataclass(frozen=True)
class Got:
    name: str
    trace: str
    id: str
    parent: str
    kind: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    status: int
    message: str
    service: dict[str, Any]


@dataclass
class Collector:
    port: int = 0
    spans: list[Got] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)  # their headers
    status: int = 200
    pause: float = 0.0  # seconds before it answers
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until(self, *names: str, count: int = 0) -> list[Got]:
        """All spans, once those of these names have come."""
        async with asyncio.timeout(PATIENCE):
            while not {*names} <= {span.name for span in self.spans} or len(self.spans) < count:
                self.more.clear()
                try:
                    await self.more.wait()
                except asyncio.CancelledError:
                    raise AssertionError(f"no {names} in {[span.name for span in self.spans]}") from None
        return self.spans

    def one(self, name: str) -> Got:
        [span] = [span for span in self.spans if span.name == name]
        return span

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers["content-length"]))
            self.requests.append({**headers, "": head[0]})
            if self.pause:
                await asyncio.sleep(self.pause)
            if self.status == 200:
                self._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
            writer.write(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % self.status)
            await writer.drain()
            self.more.set()

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            service = _values(resource.resource.attributes)
            self.spans += [_got(span, service) for scope in resource.scope_spans for span in scope.spans]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    async with listening(made.serve) as made.port:
        yield made


def _got(span: Sent, service: dict[str, Any]) -> Got:
    return Got(
        span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.start_time_unix_nano, span.end_time_unix_nano, _values(span.attributes),
        [(event.name, _values(event.attributes)) for event in span.events], span.status.code, span.status.message,
        service,
    )  # fmt: skip


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
