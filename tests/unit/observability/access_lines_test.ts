import assert from "node:assert/strict";
import { hideCredentials } from "../../../src/credentials.ts";
import { AccessLines, type AccessRecord } from "../../../src/observability/access_lines.ts";
import { printable, printableJson } from "../../../src/printable.ts";

const TIME = Date.UTC(2026, 0, 31, 12, 0, 0, 5);

/** The line of a record, without anything that is kept from other records. */
function expected(format: "text" | "json", record: AccessRecord, time: number): string {
  const { method, path, status, parts, request_id, trace_id } = record;
  const iso = new Date(time).toISOString();
  const ms = Math.round(record.ms * 1000) / 1000;
  const message = `${method} ${path} ${status} ${ms} ms${parts === undefined ? "" : `, ${parts} parts`}`;
  if (format === "text") return hideCredentials(`${iso} INFO ${printable(message)}\n`);
  const about = { method, path, status, ms, parts, request_id, trace_id };
  return hideCredentials(
    `${printableJson(JSON.stringify({ time: iso, level: "info", logger: "access", message, ...about }))}\n`,
  );
}

const METHODS = ["GET", "POST", "-", "p%40", "!#$%&'*+.^`|~-"];
const PATHS = [
  "/",
  "/invocations",
  "/models/a-b_c.d~1/invocations",
  "/v1/models/digits:predict",
  "/;,'(){}[]<>^|`!$&*+?#",
  '/"quotes"',
  "/back\\slash",
  "/control\x00\x1b[2J\x7f\x9b\r\n\t",
  "/\u2028\u202e\u2066é\xff\ud800",
  "/a%20b%2Fc",
  "/%40",
  "//user:password@host/",
  "/http://user:password@host:1/x",
  "/a?token=secret&b=c",
  "/a;token=secret;x",
  "/proxy=user:password@host",
  `/${"x".repeat(255)}`,
  `/${"x".repeat(256)}`,
  `/${"=".repeat(300)}`,
];
const IDS = ["0123456789ab-1", "a.b:c/d+e_f-g", "https://user:password@host/", "x=y==", "", 'a"b\n'];
const TIMES_MS = [0, 0.0004, 0.0005, 0.001, 0.01, 0.1, 0.12, 1, 1.5, 20.87, 999.9996, 12345.678, 86_400_000.001, 1e12];

for (const format of ["text", "json"] as const) {
  Deno.test(`AccessLines.format() returns the same whatever was formatted before (${format})`, () => {
    const lines = new AccessLines(format);
    let time = TIME;
    let at = 0;
    // Twice: the second time, all text is kept from the first.
    for (let round = 0; round < 2; round++) {
      for (const method of METHODS) {
        for (const path of PATHS) {
          for (const request_id of IDS) {
            const ms = TIMES_MS[at++ % TIMES_MS.length]!;
            for (const status of [200, 499]) {
              for (const more of [{}, { parts: 0 }, { parts: 12, trace_id: "0af7651916cd43dd8448eb211c80319c" }]) {
                const record = { method, path, status, ms, request_id, ...more };
                assert.equal(lines.format(record, time), expected(format, record, time));
              }
            }
            time += at % 3;
          }
        }
      }
    }
  });

  Deno.test(`AccessLines.format() formats any duration (${format})`, () => {
    const lines = new AccessLines(format);
    for (const ms of [...TIMES_MS, ...Array.from({ length: 2000 }, (_, i) => i * 0.0007)]) {
      const record = { method: "POST", path: "/invocations", status: 200, ms, request_id: "a" };
      assert.equal(lines.format(record, TIME), expected(format, record, TIME));
    }
  });

  Deno.test(`AccessLines.format() formats more paths than it keeps (${format})`, () => {
    const lines = new AccessLines(format);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1000; i++) {
        const record = { method: "GET", path: `/${i}`, status: 404, ms: 1, request_id: "a" };
        assert.equal(lines.format(record, TIME), expected(format, record, TIME));
      }
    }
  });
}
