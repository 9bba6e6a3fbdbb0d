"""Receives traces by OTLP over HTTP, decodes them with the protocol's own messages, and prints them as lines of JSON.

The first line is the port. Requests to /refuse/v1/traces are answered 400, those to /busy/v1/traces once with 503, and those to
/partly/v1/traces with the rejection of a span.
"""

import base64
import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.trace.v1 import trace_pb2

busy = True


def text(value: bytes) -> str:
    return value.hex()


def plain(value):
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def attributes(pairs):
    return {pair.key: plain(pair.value) for pair in pairs}


def ids_to_base64(message):
    """Ids are hexadecimal in OTLP's JSON, unlike in protobuf's."""
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global busy
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        request = service.ExportTraceServiceRequest()
        if self.headers["content-type"] == "application/json":
            json_format.ParseDict(ids_to_base64(json.loads(body)), request)
        else:
            request.ParseFromString(body)
        answer = service.ExportTraceServiceResponse()
        status = 200
        if self.path.startswith("/refuse"):
            status = 400
        elif self.path.startswith("/busy") and busy:
            busy, status = False, 503
        elif self.path.startswith("/partly"):
            answer.partial_success.rejected_spans = 1
            answer.partial_success.error_message = "one is too many"
        print(json.dumps(self.found(request, status)), flush=True)
        payload = answer.SerializeToString()
        if self.headers["content-type"] == "application/json":
            payload = json_format.MessageToJson(answer).encode()
        self.send_response(status)
        self.send_header("content-type", self.headers["content-type"])
        if status == 503:
            self.send_header("retry-after", "0")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def found(self, request, status):
        return {
            "path": self.path,
            "status": status,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "resources": [attributes(spans.resource.attributes) for spans in request.resource_spans],
            "spans": [
                {
                    "scope": scope.scope.name,
                    "trace": text(span.trace_id),
                    "id": text(span.span_id),
                    "parent": text(span.parent_span_id),
                    "state": span.trace_state,
                    "name": span.name,
                    "kind": trace_pb2.Span.SpanKind.Name(span.kind),
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "attributes": attributes(span.attributes),
                    "events": [[event.name, attributes(event.attributes)] for event in span.events],
                    "status": [span.status.code, span.status.message],
                }
                for spans in request.resource_spans
                for scope in spans.scope_spans
                for span in scope.spans
            ],
        }

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
