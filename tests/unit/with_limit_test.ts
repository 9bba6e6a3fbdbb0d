import assert from "node:assert/strict";
import { unlessAborted } from "../../src/with_limit.ts";

Deno.test("unlessAborted() settles as its promise does, or throws the reason of a signal that is aborted first", async () => {
  const never = new Promise<never>(() => {});
  const reason = new Error("stopped");
  const aborter = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(1), undefined), 1);
  assert.equal(await unlessAborted(Promise.resolve(2), aborter.signal), 2);
  await assert.rejects(unlessAborted(Promise.reject(new Error("failed")), aborter.signal), /failed/);
  const waiting = unlessAborted(never, aborter.signal);
  aborter.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(unlessAborted(never, aborter.signal), reason);
});
