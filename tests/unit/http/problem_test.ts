import assert from "node:assert/strict";
import { toResponse } from "../../../src/http/fetch_types.ts";
import { HttpProblem, problemOf } from "../../../src/http/problem.ts";
import type { WorkerError } from "../../../src/supervisor/mod.ts";

function ofError(error: Partial<WorkerError>): HttpProblem {
  return problemOf({ kind: "error", error: { reason: "exception", message: "", ...error } });
}

Deno.test("toAnswer() returns problem details with all additional members", async () => {
  const response = toResponse(
    new HttpProblem(503, "Not 'yet'", { state: "loading" }, { "retry-after": "1" }).toAnswer(),
  );
  assert.equal(response.status, 503);
  assert.deepEqual([...response.headers], [
    ["content-type", "application/problem+json"],
    ["retry-after", "1"],
    ["x-content-type-options", "nosniff"],
  ]);
  const body = await response.text();
  assert.ok(body.endsWith("}\n"));
  assert.deepEqual(JSON.parse(body), {
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    detail: "Not 'yet'",
    state: "loading",
  });
});

for (
  const [status, title] of [
    [400, "Bad Request"],
    [403, "Forbidden"],
    [404, "Not Found"],
    [405, "Method Not Allowed"],
    [406, "Not Acceptable"],
    [413, "Content Too Large"],
    [431, "Request Header Fields Too Large"],
    [500, "Internal Server Error"],
    [502, "Bad Gateway"],
    [503, "Service Unavailable"],
    [422, "Unprocessable Content"],
    [429, "Too Many Requests"],
    [418, "Error"],
  ] as const
) {
  Deno.test(`toAnswer() uses the title '${title}' for status ${status}`, async () => {
    const response = toResponse(new HttpProblem(status, "detail").toAnswer());
    assert.equal(response.status, status);
    assert.equal((await response.json()).title, title);
  });
}

for (
  const [stage, status] of [["deserialize", 400], ["predict", 500], ["serialize", 500]] as const
) {
  Deno.test(`problemOf() returns ${status} with the exception's members when ${stage}() raises`, () => {
    const problem = ofError({ stage, type: "ValueError", message: "no inputs" });
    assert.equal(problem.status, status);
    assert.equal(problem.message, `${stage}() raised ValueError: no inputs`);
    assert.deepEqual(problem.members, { stage, exception: "ValueError", message: "no inputs" });
  });
}

for (const stage of ["deserialize", "predict", "predict_batch", "serialize"] as const) {
  Deno.test(`problemOf() uses the status and headers that an exception in ${stage}() chooses`, () => {
    const problem = ofError({ stage, type: "Busy", message: "later", status: 429, headers: [["Retry-After", "3"]] });
    assert.equal(problem.status, 429);
    assert.deepEqual(problem.headers, { "retry-after": "3" });
    assert.deepEqual(problem.members, { stage, exception: "Busy", message: "later" });
  });
}

for (const status of [undefined, null, true, "422", 200, 399, 600, 422.5, NaN]) {
  Deno.test(`problemOf() ignores ${status} as a status`, () => {
    const problem = ofError({ stage: "predict", type: "Busy", status, headers: [["retry-after", "3"]] });
    assert.deepEqual([problem.status, problem.headers], [500, {}]);
  });
}

Deno.test("problemOf() omits the colon when an exception has no message", () => {
  assert.equal(ofError({ stage: "predict", type: "KeyError" }).message, "predict() raised KeyError");
});

Deno.test("problemOf() returns 406 when the script has no acceptable format", () => {
  const problem = ofError({ reason: "not_acceptable", message: "serialize() has no format that fits 'image/png'" });
  assert.equal(problem.status, 406);
  assert.equal(problem.message, "serialize() has no format that fits 'image/png'");
});

for (const reason of ["bad_result", "too_large"] as const) {
  Deno.test(`problemOf() returns 500 with the message when the reason is ${reason}`, () => {
    const problem = ofError({ reason, message: "What serialize() returned is wrong" });
    assert.equal(problem.status, 500);
    assert.equal(problem.message, "What serialize() returned is wrong");
  });
}

Deno.test("problemOf() returns 500 when a worker reports an unknown reason", () => {
  const problem = ofError({ reason: "nonsense" as "exception", message: "m" });
  assert.equal(problem.status, 500);
  assert.equal(problem.message, "The worker reported an unknown error: m");
});

Deno.test("problemOf() returns 502 with the cause when the worker has died", () => {
  const problem = problemOf({ kind: "lost", cause: "signal SIGKILL (likely out of memory)" });
  assert.equal(problem.status, 502);
  assert.match(problem.message, /signal SIGKILL \(likely out of memory\).* not retried/);
  assert.deepEqual(problem.headers, {});
});

for (
  const [cause, detail] of [
    ["loading", /still loading/],
    ["stopping", /is stopping/],
    ["full", /Too many requests/],
    ["timeout", /No worker was free in time/],
  ] as const
) {
  Deno.test(`problemOf() returns 503 with Retry-After when a request is refused with ${cause}`, () => {
    const problem = problemOf({ kind: "refused", cause });
    assert.equal(problem.status, 503);
    assert.match(problem.message, detail);
    assert.deepEqual(problem.headers, { "retry-after": "1" });
  });
}
