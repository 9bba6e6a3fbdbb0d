import assert from "node:assert/strict";
import { LineJoiner } from "../../../src/observability/line_joiner.ts";
import { FakeClock } from "../helper/fake_clock.ts";

/** Two joined streams of text, and the result. */
class Joined implements Disposable {
  readonly clock = new FakeClock();
  text = "";
  readonly #joiner = new LineJoiner((bytes) => void (this.text += new TextDecoder().decode(bytes)));
  readonly #streams = { a: this.#joiner.stream(), b: this.#joiner.stream(), c: this.#joiner.stream() };

  write(stream: "a" | "b" | "c", text: string): void {
    this.#streams[stream](new TextEncoder().encode(text));
  }

  flush(): void {
    this.#joiner.flush();
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
  }
}

Deno.test("LineJoiner writes a single stream unchanged, without delay", () => {
  using joined = new Joined();
  let all = "";
  for (const text of ["half", " a line", "\nnext\r", "bar\r", "\n", "rest"]) {
    joined.write("a", text);
    all += text;
    assert.equal(joined.text, all);
  }
});

Deno.test("LineJoiner delays a line until the other stream's line ends", () => {
  using joined = new Joined();
  joined.write("a", "a 1\na ");
  joined.write("b", "b 1\nb 2");
  joined.write("c", "c 1\n");
  assert.equal(joined.text, "a 1\na ");
  joined.write("a", "2\na 3");
  assert.equal(joined.text, "a 1\na 2\nb 1\nb 2");
  joined.write("b", "!\n");
  assert.equal(joined.text, "a 1\na 2\nb 1\nb 2!\nc 1\na 3");
  assert.equal(joined.clock.pending.length, 0);
});

Deno.test("LineJoiner ends a line that stays without an end for too long", () => {
  using joined = new Joined();
  joined.write("a", "loading...");
  joined.write("b", "b 1\n");
  joined.clock.advance(99);
  assert.equal(joined.text, "loading...");
  joined.clock.advance(1);
  assert.equal(joined.text, "loading...\nb 1\n");
  joined.write("a", " done\n");
  assert.equal(joined.text, "loading...\nb 1\n done\n");
  assert.deepEqual(joined.clock.pending, []);
});

Deno.test("LineJoiner never writes a line after another stream's carriage return", () => {
  using joined = new Joined();
  joined.write("a", "10%\r20%\r");
  joined.write("b", "b 1\n");
  joined.write("a", "30%\r\n");
  assert.equal(joined.text, "10%\r20%\r\nb 1\n30%\r\n");
});

Deno.test("LineJoiner limits the bytes that it buffers", () => {
  using joined = new Joined();
  joined.write("a", "a");
  const line = `${"b".repeat(999)}\n`;
  for (let i = 0; i < 300; i++) joined.write("b", line);
  assert.ok(joined.text.length > 256 * 1024);
  joined.flush();
  assert.equal(joined.text, `a\n${line.repeat(300)}`);
});

Deno.test("LineJoiner keeps lines whole, wherever they are split", () => {
  for (let seed = 1; seed <= 50; seed++) {
    using joined = new Joined();
    let random = seed;
    const next = (below: number) => (random = (random * 48271) % 2147483647) % below;
    const texts = { a: "", b: "", c: "" };
    for (const name of ["a", "b", "c"] as const) {
      for (let i = 0; i < 30; i++) texts[name] += `${name} ${i} ${"x".repeat(next(20))}\n`;
    }
    const written = { a: 0, b: 0, c: 0 };
    while (Object.keys(texts).some((name) => written[name as "a"] < texts[name as "a"].length)) {
      const name = (["a", "b", "c"] as const)[next(3)]!;
      const end = written[name] + next(30);
      joined.write(name, texts[name].slice(written[name], end));
      written[name] = end;
    }
    joined.flush();
    const lines = joined.text.split("\n").slice(0, -1);
    for (const name of ["a", "b", "c"] as const) {
      assert.equal(lines.filter((line) => line.startsWith(name)).map((line) => `${line}\n`).join(""), texts[name]);
    }
    assert.equal(lines.length, 90);
  }
});
