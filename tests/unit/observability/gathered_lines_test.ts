import assert from "node:assert/strict";
import { GatheredLines } from "../../../src/observability/gathered_lines.ts";

/** Replaces timers until disposed, and collects those that are set. */
function timers(): Disposable & { readonly set: Map<number, () => void> } {
  const { setTimeout, clearTimeout } = globalThis;
  const set = new Map<number, () => void>();
  let made = 0;
  Object.assign(globalThis, {
    setTimeout: (callback: () => void) => (set.set(++made, callback), made),
    clearTimeout: (id: number) => void set.delete(id),
  });
  return { set, [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout, clearTimeout }) };
}

Deno.test("GatheredLines sets one timer for all lines, and none while it has no line", () => {
  using time = timers();
  const written: string[] = [];
  const lines = new GatheredLines((text) => void written.push(text));
  lines.gather("a\n");
  lines.gather("b\n");
  assert.deepEqual([...time.set.keys()], [1]);
  lines.write("at once\n");
  assert.deepEqual([...time.set.keys()], []);
  assert.deepEqual(written, ["a\nb\n", "at once\n"]);
  lines.gather("c\n");
  lines.gather("d\n");
  assert.deepEqual([...time.set.keys()], [2]);
  time.set.get(2)!();
  assert.deepEqual(written.slice(2), ["c\nd\n"]);
  lines.flush();
  assert.equal(written.length, 3);
});

Deno.test("GatheredLines keeps at most 32 KiB and a line", () => {
  using _time = timers();
  const written: string[] = [];
  const lines = new GatheredLines((text) => void written.push(text));
  const line = `${"x".repeat(1023)}\n`;
  let longest = 0;
  for (let i = 1; i <= 100; i++) {
    lines.gather(line);
    longest = Math.max(longest, i * line.length - written.join("").length);
  }
  assert.equal(longest, 32 * 1024);
  lines.flush();
  assert.equal(written.join(""), line.repeat(100));
});
