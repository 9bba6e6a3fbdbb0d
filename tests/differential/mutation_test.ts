/** Random mutations of requests: no other server may read differently what ours accepts. */

import assert from "node:assert/strict";
import { numbers } from "../unit/helper/random.ts";
import { CASES } from "./corpus.ts";
import { mutated } from "./mutations.ts";
import { readByOurs } from "./ours.ts";
import { danger } from "./outcome.ts";
import { PEERS } from "./peers.ts";
import { bytesOf, piecesOf } from "./pieces.ts";

/** The number of mutations, and the seed of the random numbers. */
const COUNT = Number(Deno.env.get("AIMODELLIB_TEST_MUTATIONS") ?? 6000);
const SEED = Number(Deno.env.get("AIMODELLIB_TEST_SEED") ?? 20260131);

/** The longest request that is changed, in bytes: more would hide the changes. */
const MAX_LENGTH = 2000;

/** Methods that all servers know. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

/** Statuses with which the parser or the body is refused. */
const REFUSALS = new Set([400, 413, 414, 417, 431, 501, 505]);

function requests(): readonly string[] {
  const short = CASES.filter(({ sent }) => sent.length < MAX_LENGTH);
  const taken = short.filter(({ refused }) => refused === undefined).map(({ sent }) => sent);
  const refused = short.filter(({ refused }) => refused !== undefined).map(({ sent }) => sent);
  const random = numbers(SEED);
  // Prefer accepted requests, which lead to more.
  return Array.from({ length: COUNT }, (_, i) => mutated(i % 4 === 0 ? refused : taken, random));
}

const missing = [...["Node", "h11"].filter((name) => !PEERS.has(name))].join(" and ");

Deno.test({
  name: `no other server makes something else of what ours takes${
    missing === "" ? "" : ` [skipped: ${missing} not installed]`
  }`,
  ignore: missing !== "",
  async fn() {
    const sent = requests();
    const others = await Promise.all([...PEERS.values()].map((peer) => peer(sent.map(bytesOf))));
    let taken = 0;
    for (const [i, text] of sent.entries()) {
      const ours = await readByOurs([bytesOf(text)]);
      taken += ours.taken.length;
      const found = others.map((outcomes) => danger(ours.taken, outcomes[i]!));
      const other = found.find((difference) => difference?.kind === "other");
      assert.equal(other, undefined, `${JSON.stringify(text)}: ours takes ${other?.text}`);
      const alone = found.every((difference) => difference?.kind === "alone" && METHODS.has(difference.request.method));
      assert.ok(!alone, `${JSON.stringify(text)}: ours alone takes ${found[0]?.text}`);
    }
    assert.ok(taken > COUNT / 4, `${taken} are taken`);
  },
});

Deno.test("a mutated request is parsed in the same way wherever it is split, and refused with a fitting status", async () => {
  const random = numbers(SEED);
  for (const text of requests()) {
    const bytes = bytesOf(text);
    const whole = await readByOurs([bytes]);
    assert.deepEqual(
      await readByOurs(piecesOf(bytes, random, 1 + Math.floor(random.next().value * 60))),
      whole,
      JSON.stringify(text),
    );
    for (const status of whole.statuses) {
      assert.ok(status === 200 || REFUSALS.has(status), `${status}: ${JSON.stringify(text)}`);
    }
  }
});
