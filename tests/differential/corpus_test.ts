/** Requests that servers read in different ways: checks how ours reads them, and that other servers read accepted ones in the same way. */

import assert from "node:assert/strict";
import { numbers } from "../unit/helper/random.ts";
import { CASES } from "./corpus.ts";
import { readByOurs } from "./ours.ts";
import { danger } from "./outcome.ts";
import { PEERS } from "./peers.ts";
import { bytesOf, piecesOf } from "./pieces.ts";

Deno.test("the cases have unique names", () => {
  assert.deepEqual(CASES.map(({ name }) => name).filter((name, i, all) => all.indexOf(name) < i), []);
  assert.ok(CASES.length > 900);
});

Deno.test("each case is accepted or refused as it declares", async () => {
  for (const { name, sent, taken, refused } of CASES) {
    const ours = await readByOurs([bytesOf(sent)]);
    assert.equal(ours.taken.length, taken, name);
    assert.deepEqual(ours.statuses, [...Array(taken).fill(200), ...(refused === undefined ? [] : [refused])], name);
  }
});

Deno.test("each case is accepted or refused in the same way, wherever it is split", async () => {
  const random = numbers(20260131);
  for (const { name, sent } of CASES) {
    const bytes = bytesOf(sent);
    const whole = await readByOurs([bytes]);
    // Sending all long cases byte by byte would take too much time.
    const sizes = bytes.length < 1500 ? [1, 3, 40] : [1500];
    const ways = sizes.map((most) => piecesOf(bytes, random, most));
    for (const pieces of ways) {
      assert.deepEqual(await readByOurs(pieces), whole, `${name}, in ${pieces.length} pieces`);
    }
  }
});

/** Requests that other servers refuse, with the reason why that is harmless: no server reads them differently. */
const TAKEN_BY_OURS_ALONE: Readonly<Record<string, readonly RegExp[]>> = {
  h11: [
    // RFC 9112, section 2.2, has servers ignore at least one.
    /^(one|two|fifty) empty lines? /,
    /^chunks with an empty line behind them$/,
    // It accepts up to 20 digits, and closes all HTTP/1.0 connections.
    /^Content-Length "0{30}…/,
    /^HTTP\/1\.0 (with Connection: keep-alive|without Host|without a length)$/,
  ],
  Node: [
    // It accepts no other methods. RFC 9110, section 9.1, allows any token; ours answers them 405.
    /^the method "/,
    /^the name (Content_Length|Content-Lengths|X-Content-Length|Content--Length|Content\.Length|Content-Length-)$/,
    /^a body (that is longer than its|without a) length$/,
    /^Transfer-Encoding "chunked\\t"$/,
    // It treats this as Connection: close, and waits for the upgraded protocol.
    /^Connection: that of a proxy$/,
    /^Connection: an upgrade to /,
  ],
};

for (const name of Object.keys(TAKEN_BY_OURS_ALONE)) {
  const peer = PEERS.get(name);
  Deno.test({
    name: `${name} takes what ours takes, for the same${
      peer === undefined ? ` [skipped: ${name} is not installed]` : ""
    }`,
    ignore: peer === undefined,
    async fn() {
      const others = await peer!(CASES.map(({ sent }) => bytesOf(sent)));
      const alone = TAKEN_BY_OURS_ALONE[name]!;
      const found: string[] = [];
      for (const [i, { name, sent }] of CASES.entries()) {
        const said = danger((await readByOurs([bytesOf(sent)])).taken, others[i]!);
        if (said === undefined) continue;
        if (said.kind === "alone" && alone.some((pattern) => pattern.test(name))) continue;
        found.push(`${name}: ours takes ${said.text}`);
      }
      assert.deepEqual(found, []);
    },
  });
}
