import assert from "node:assert/strict";
import { plainText } from "../../../src/observability/plain_text.ts";
import { FakeClock } from "../helper/fake_clock.ts";

function plain(...pieces: readonly string[]): string {
  using _ = new FakeClock();
  let text = "";
  const take = plainText((bytes) => void (text += new TextDecoder().decode(bytes)));
  for (const piece of pieces) take(new TextEncoder().encode(piece));
  take.flush();
  return text;
}

Deno.test("plainText() removes colours, cursor movements and titles", () => {
  assert.equal(plain("\x1b[1;32mgreen\x1b[0m \x1b[38:5:1mred\x1b[m\n"), "green red\n");
  assert.equal(plain("\x1b[?25l\x1b[2K50%\x1b[A\x1b[10;20Hx\x1b(B\x1b=\x1b7\x1b8\n"), "50%x\n");
  assert.equal(plain("\x1b]0;title\x07a\x1b]8;;https://h\x1b\\link\x1b]8;;\x1b\\b\n"), "alinkb\n");
});

Deno.test("plainText() escapes other control characters, and keeps letters of all languages", () => {
  assert.equal(plain("a\x07b\tü\n"), "a\\x07b\tü\n");
});

Deno.test("plainText() keeps the first and the last state of a progress bar", () => {
  const states = Array.from({ length: 1000 }, (_, i) => `\r\x1b[32m${i}\x1b[0m`);
  assert.equal(plain(...states, "\n", "done\n"), "0\n999\ndone\n");
  assert.equal(plain(...states), "0\n999\n");
});
