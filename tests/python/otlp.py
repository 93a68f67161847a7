#!/usr/bin/env python3
"""Reads spans by OpenTelemetry's own messages: each line must be one ExportTraceServiceRequest.

Shares no line with the gateway. Prints a line a span: trace id, span id, parent, kind, name, and the
attributes by name.

    otlp.py FILE
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def base64_ids(value):
    """OTLP writes ids as hex, where the JSON of protobuf has base64."""
    if isinstance(value, list):
        return [base64_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    ids = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
    out = {name: base64_ids(one) for name, one in value.items()}
    for name, length in ids.items():
        if name in value:
            raw = bytes.fromhex(value[name])
            assert len(raw) == length and any(raw), (name, value[name])
            out[name] = base64.b64encode(raw).decode()
    return out


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line in lines:
        # As it stands, and with the ids as this reader takes them.
        json_format.Parse(line, ExportTraceServiceRequest())
        text = json.dumps(base64_ids(json.loads(line)))
        request = json_format.Parse(text, ExportTraceServiceRequest())
        [resource] = request.resource_spans
        assert attributes(resource.resource.attributes)["service.name"] == "yanma"
        [scope] = resource.scope_spans
        [span] = scope.spans
        assert span.kind == Span.SPAN_KIND_SERVER, span
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
        print(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            json.dumps(attributes(span.attributes), sort_keys=True),
            sep="\t",
        )


main()
