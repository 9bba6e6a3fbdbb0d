import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldsOf } from "../../../src/http/fields.ts";
import {
  answerHeaders,
  contextOf,
  headersToPassOn,
  MAX_TEXT_BYTES,
  toText,
  traceIdOf,
} from "../../../src/http/request_context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const ATTRIBUTES = "x-amzn-sagemaker-custom-attributes";

const UNSAMPLED = { headers: undefined, recording: undefined };
const contextFrom = (headers: Record<string, string>) => contextOf(fieldsOf(Object.entries(headers).flat()));

Deno.test("contextOf() keeps a request's own id if it is safe to log, else generates one", () => {
  for (const id of ["a", "0f8fad5b-d9cb-469f-a165-70867728950e", "a.b:c/d+e=f@g_h", "x".repeat(128)]) {
    assert.equal(contextFrom({ "x-request-id": id }).id, id);
  }
  for (const id of ["", "x".repeat(129), "a b", "a,b", 'a"b', "a]b", "ü", "a\tb"]) {
    assert.match(contextFrom({ "x-request-id": id }).id, /^[0-9a-f]{12}-\d+$/);
  }
});

Deno.test("contextOf() returns an object with the same fields for all requests", () => {
  const contexts = [
    {},
    { "x-request-id": "a" },
    { traceparent: TRACEPARENT, tracestate: "a=1" },
    { traceparent: "malformed" },
    { [ATTRIBUTES]: "a" },
  ].map(contextFrom);
  const traced = { headers: { traceparent: TRACEPARENT }, recording: undefined };
  contexts.push(contextOf(fieldsOf([]), traced), contextOf(fieldsOf([]), UNSAMPLED));
  for (const context of contexts) {
    assert.deepEqual(Object.keys(context), ["id", "traceparent", "tracestate", "customAttributes"]);
  }
});

Deno.test("contextOf() generates a new id for each request", () => {
  const ids = Array.from({ length: 100 }, () => contextFrom({}).id);
  assert.equal(new Set(ids).size, 100);
});

Deno.test("contextOf() keeps tracestate only with a valid traceparent", () => {
  const known = (headers: Record<string, string>) => {
    const { traceparent, tracestate } = contextFrom(headers);
    return [traceparent, tracestate];
  };
  assert.deepEqual(known({ traceparent: TRACEPARENT, tracestate: "a=1" }), [TRACEPARENT, "a=1"]);
  assert.deepEqual(known({ traceparent: TRACEPARENT }), [TRACEPARENT, undefined]);
  assert.deepEqual(known({ traceparent: TRACEPARENT, tracestate: "x".repeat(513) }), [TRACEPARENT, undefined]);
  assert.deepEqual(known({ tracestate: "a=1" }), [undefined, undefined]);
  const later = `01${TRACEPARENT.slice(2)}`;
  assert.deepEqual(known({ traceparent: later, tracestate: "a=1" }), [TRACEPARENT, "a=1"]);
  assert.deepEqual(known({ traceparent: `${later}-more` }), [TRACEPARENT, undefined]);
  for (
    const traceparent of [
      TRACEPARENT.toUpperCase(),
      `${TRACEPARENT}-more`,
      `ff${TRACEPARENT.slice(2)}`,
      `${later}more`,
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `${TRACEPARENT}, ${TRACEPARENT}`,
    ]
  ) assert.deepEqual(known({ traceparent, tracestate: "a=1" }), [undefined, undefined], traceparent);
});

Deno.test("contextOf() keeps custom attributes of up to 1,024 visible characters", () => {
  const known = (value: string) => contextFrom({ [ATTRIBUTES]: value }).customAttributes;
  assert.equal(known("a=1; b"), "a=1; b");
  assert.equal(known("x".repeat(1024)), "x".repeat(1024));
  for (const value of ["", "x".repeat(1025), "ü", "a\tb"]) assert.equal(known(value), undefined);
});

Deno.test("traceIdOf() returns the trace id of a traceparent", () => {
  assert.equal(traceIdOf(contextFrom({ traceparent: TRACEPARENT })), TRACE);
  assert.equal(traceIdOf(contextFrom({})), undefined);
});

Deno.test("toText() returns one line of ASCII JSON within its limit, whatever the headers are", () => {
  const value = fc.stringMatching(/^[\x20-\x7e]{0,1100}$/, { size: "max" });
  const any = fc.record({
    "x-request-id": value,
    traceparent: fc.oneof(value, fc.constant(TRACEPARENT)),
    tracestate: value,
    [ATTRIBUTES]: fc.oneof(value, fc.constant('"'.repeat(1024)), fc.constant("\\".repeat(1024))),
  }, { requiredKeys: [] });
  fc.assert(fc.property(any, (headers) => {
    const context = contextFrom(headers as Record<string, string>);
    const text = toText(context);
    assert.match(text, /^[\x20-\x7e]*$/);
    assert.ok(text.length <= MAX_TEXT_BYTES);
    const { id, custom_attributes, ...trace } = JSON.parse(text);
    assert.deepEqual(
      { traceparent: undefined, tracestate: undefined, ...trace, id, customAttributes: custom_attributes },
      { traceparent: undefined, tracestate: undefined, customAttributes: undefined, ...context },
    );
  }));
});

Deno.test("toText() stays within its limit when every value is as long as allowed", () => {
  const text = toText(contextFrom({
    "x-request-id": "x".repeat(128),
    traceparent: TRACEPARENT,
    tracestate: '"'.repeat(512),
    [ATTRIBUTES]: '"'.repeat(1024),
  }));
  assert.ok(text.length > 3000 && text.length <= MAX_TEXT_BYTES, `${text.length} bytes`);
});

Deno.test("answerHeaders() returns the id, and the attributes if there are any", () => {
  const careful = { "x-content-type-options": "nosniff" };
  assert.deepEqual(answerHeaders({ id: "a" }), { "x-request-id": "a", ...careful });
  assert.deepEqual(answerHeaders({ id: "a", customAttributes: "b", traceparent: TRACEPARENT }), {
    "x-request-id": "a",
    [ATTRIBUTES]: "b",
    ...careful,
  });
});

Deno.test("headersToPassOn() returns the id and the trace, but not the attributes", () => {
  assert.deepEqual(headersToPassOn({ id: "a", customAttributes: "b" }, undefined), { "x-request-id": "a" });
  const known = { "x-request-id": "a", traceparent: TRACEPARENT, tracestate: "c=1" };
  assert.deepEqual(headersToPassOn({ id: "a", traceparent: TRACEPARENT, tracestate: "c=1" }, undefined), known);
  assert.deepEqual(headersToPassOn({ id: "a", traceparent: TRACEPARENT, tracestate: "c=1" }, UNSAMPLED), known);
});

Deno.test("headersToPassOn() says that a trace which begins with this request is not sampled", () => {
  const { traceparent } = headersToPassOn({ id: "a" }, UNSAMPLED);
  assert.match(traceparent!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});
