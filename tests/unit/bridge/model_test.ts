/** All states of the model of the protocol (`tests/model/`), and each of its rules broken. */

import assert from "node:assert/strict";
import { bridge, RULES, type Rules, type Size } from "../../model/bridge.ts";
import { search } from "../../model/search.ts";

const MOST_STATES = 200_000;

const SIZES: readonly Size[] = [
  { workers: 1, requests: 2, window: 2, ids: 3, memory: "weak" },
  { workers: 1, requests: 3, window: 2, ids: 3, memory: "immediate" },
  { workers: 2, requests: 2, window: 2, ids: 2, memory: "immediate" },
];

for (const size of SIZES) {
  Deno.test(`no request is executed twice, lost or answered with another's answer in ${JSON.stringify(size)}`, () => {
    const { fault, states } = search(bridge(size), MOST_STATES);
    assert.equal(fault, undefined, fault && [fault.what, ...fault.trace].join("\n"));
    assert.ok(states > 1_000, `${states} states`);
  });
}

for (const rule of Object.keys(RULES) as (keyof Rules)[]) {
  Deno.test(`the search finds that the rule ${rule} is broken`, () => {
    const { fault } = search(bridge(SIZES[0]!, { ...RULES, [rule]: false }), MOST_STATES);
    assert.ok(fault !== undefined && fault.trace.length > 0);
  });
}
