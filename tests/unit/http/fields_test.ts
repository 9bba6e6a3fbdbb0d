import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldsOf } from "../../../src/http/fields.ts";

/** The names of known fields in different spellings, and other names. */
const NAMES = [
  ...[
    "Content-Type",
    "accept",
    "ACCEPT",
    "content-length",
    "content-encoding",
    "Inference-Header-Content-Length",
    "x-request-id",
    "X-Request-ID",
  ],
  ...[
    "traceparent",
    "tracestate",
    "X-Amzn-SageMaker-Custom-Attributes",
    "accept-encoding",
    "Prefer",
    "x-other",
    "content-type-x",
  ],
];

Deno.test("fieldsOf() returns the same values as Headers.get()", () => {
  const field = fc.tuple(fc.constantFrom(...NAMES), fc.stringMatching(/^[\x21-\x7e]{0,12}$/));
  fc.assert(fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
    const headers = new Headers(fields);
    assert.deepEqual(fieldsOf(fields.flatMap(([name, value]) => [name.toLowerCase(), value])), {
      contentType: headers.get("content-type"),
      accept: headers.get("accept"),
      contentEncoding: headers.get("content-encoding"),
      inferenceHeaderLength: headers.get("inference-header-content-length"),
      requestId: headers.get("x-request-id"),
      traceparent: headers.get("traceparent"),
      tracestate: headers.get("tracestate"),
      customAttributes: headers.get("x-amzn-sagemaker-custom-attributes"),
      prefer: headers.get("prefer"),
    });
  }));
});
