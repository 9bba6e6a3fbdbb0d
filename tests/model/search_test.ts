/** Searches all states of the model of the protocol, and breaks each of its rules. */

import assert from "node:assert/strict";
import { bridge, type Size, type Worker, workerOf } from "./bridge.ts";
import { ASSUMPTIONS, type Assumptions, RULES, type Rules } from "./rules.ts";
import { search } from "./search.ts";

const MOST_STATES = 5_000_000;

/** Weak memory allows everything that immediate memory does, but leads to more states. It is therefore searched with fewer requests. */
const SIZES: readonly Size[] = [
  { workers: 2, requests: 4, window: 2, unanswered: 3, memory: "weak" },
  { workers: 2, requests: 4, window: 4, unanswered: 4, memory: "immediate" },
];

/** Models that are small enough for a search without merged states. */
const SMALL: readonly Size[] = [
  { workers: 1, requests: 2, window: 2, unanswered: 3, memory: "weak" },
  { workers: 2, requests: 2, window: 2, unanswered: 2, memory: "immediate" },
];

const nameOf = ({ workers, requests, window, unanswered, memory }: Size) =>
  `${workers} workers and ${requests} requests, of which one may have ${window} and leave ${unanswered} unanswered, with ${memory} memory`;

const workers = new Map<string, Worker>();

/** A worker that follows all rules, whose states are enumerated once for all tests with these bounds. */
function soundWorker({ window, unanswered, memory }: Size): Worker {
  const key = `${window} ${unanswered} ${memory}`;
  const worker = workers.get(key) ?? workerOf({ window, unanswered, memory });
  workers.set(key, worker);
  return worker;
}

for (const size of SIZES) {
  Deno.test(`search() finds no request executed twice, lost or answered wrongly with ${nameOf(size)}`, () => {
    const { fault, states } = search(bridge(size, soundWorker(size).merged), MOST_STATES);
    assert.equal(fault, undefined, fault && [fault.what, ...fault.trace].join("\n"));
    assert.ok(states > 500_000, `${states} states`);
  });
}

for (const size of SMALL) {
  Deno.test(`search() finds the same without merging states with ${nameOf(size)}`, () => {
    const worker = soundWorker(size);
    const whole = search(bridge(size, worker.whole), MOST_STATES);
    const merged = search(bridge(size, worker.merged), MOST_STATES);
    assert.deepEqual([whole.fault, merged.fault], [undefined, undefined]);
    assert.ok(whole.states > 3 * merged.states, `${whole.states} and ${merged.states} states`);
  });
}

/** The expected faults. */
const BROKEN: Readonly<Record<keyof Rules | keyof Assumptions, RegExp>> = {
  noteFirst: /executed twice/,
  wholeWords: /executed twice/,
  heedRecall: /executed twice/,
  waitBeforeTakingBack: /executed twice/,
  compareLooks: /half-written/,
  ignoreKnown: /does not have/,
  holdBack: /executed twice/,
  readFramesFirst: /lost although/,
  readLedger: /lost although/,
  loseBegun: /executed twice/,
  putBack: /never be answered/,
  sendFirst: /lost although/,
  countFlushes: /half-written/,
  looksAreFarApart: /half-written/,
  executionTakesLong: /half-written/,
};

/** Rules without which a worker has so many states that merging them takes longer than searching them. */
const LARGE: ReadonlySet<string> = new Set(["holdBack", "executionTakesLong"]);

for (const [name, what] of Object.entries(BROKEN)) {
  Deno.test(`search() finds a fault when ${name} does not hold`, () => {
    const [rules, assumptions] = name in RULES
      ? [{ ...RULES, [name]: false }, ASSUMPTIONS]
      : [RULES, { ...ASSUMPTIONS, [name]: false }];
    // The fault needs three requests at once.
    const unanswered = name === "holdBack" ? 3 : 2;
    const size = { ...SMALL[0]!, unanswered };
    const worker = workerOf(size, { rules, assumptions });
    for (const states of LARGE.has(name) ? ["whole"] as const : ["whole", "merged"] as const) {
      const { fault } = search(bridge(size, worker[states]), MOST_STATES);
      assert.match(fault?.what ?? "nothing", what, states);
      assert.ok(fault!.trace.length > 0);
    }
  });
}
