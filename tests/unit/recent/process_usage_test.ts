import assert from "node:assert/strict";
import { parseStat, ProcessUsages } from "../../../src/recent/process_usage.ts";

Deno.test("parseStat() finds processor time and pages behind any name", () => {
  const rest = "S 1 2 2 0 -1 4194560 100 0 0 0 123 45 0 0 20 0 9 0 5000 900000 321 18446744073709551615 1";
  for (const name of ["python3", "a b", "a) S (b", "("]) {
    assert.deepEqual(parseStat(`17 (${name}) ${rest}`), { ticks: 168, pages: 321 }, name);
  }
  for (const text of ["", "17 (x)", "17 (x) S 1"]) assert.equal(parseStat(text), undefined);
});

Deno.test("ProcessUsages reads memory at once, processor time from the second reading on, and nothing of a process that has ended", () => {
  const usages = new ProcessUsages();
  const first = usages.read([Deno.pid, 2 ** 30]);
  const { memory = 0, cpu } = first.get(Deno.pid)!;
  const { rss } = Deno.memoryUsage();
  assert.ok(memory > rss / 2 && memory < rss * 2, `${memory} of ${rss}`);
  assert.equal(cpu, undefined);
  assert.deepEqual(first.get(2 ** 30), {});
  const second = usages.read([Deno.pid]).get(Deno.pid)!;
  assert.ok(second.cpu !== undefined && second.cpu >= 0);
});
