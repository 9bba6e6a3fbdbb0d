import assert from "node:assert/strict";
import { keyOf } from "../../../../src/web/console/row_keys.ts";

Deno.test("keyOf() gives an object the same key wherever it is in a list, and equal objects different keys", () => {
  const lines = [{ t: 1 }, { t: 1 }, { t: 1 }];
  const keys = lines.map(keyOf);
  assert.equal(new Set(keys).size, 3);
  assert.deepEqual(lines.slice(1).map(keyOf), keys.slice(1));
});
