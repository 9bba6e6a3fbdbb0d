import assert from "node:assert/strict";
import fc from "fast-check";
import { InFlight } from "../../../src/supervisor/in_flight.ts";
import type { Job } from "../../../src/supervisor/job.ts";

const MAX_ID = 0xffff_ffff;

function newJob(): Job {
  return { metadata: new Uint8Array(0), body: new Uint8Array(0), settle: () => {}, acceptedAt: 0 };
}

Deno.test("add() returns ids from 1 on", () => {
  const inFlight = new InFlight();
  assert.deepEqual([newJob(), newJob(), newJob()].map((job) => inFlight.add(job)), [1, 2, 3]);
  assert.equal(inFlight.size, 3);
});

Deno.test("take() returns each job once when answers arrive in any order", () => {
  const inFlight = new InFlight();
  const jobs = [newJob(), newJob(), newJob()];
  for (const job of jobs) inFlight.add(job);
  assert.equal(inFlight.take(2), jobs[1]);
  assert.equal(inFlight.take(2), undefined);
  assert.equal(inFlight.take(3), jobs[2]);
  assert.equal(inFlight.take(1), jobs[0]);
  assert.equal(inFlight.size, 0);
});

Deno.test("take() returns undefined for an id that was never issued, or is from another round", () => {
  const inFlight = new InFlight();
  assert.equal(inFlight.take(0), undefined);
  assert.equal(inFlight.take(MAX_ID), undefined);
  for (let i = 0; i < 200; i++) inFlight.take(inFlight.add(newJob()));
  const id = inFlight.add(newJob());
  for (const other of [0, id - 128, id + 128, id + 1, id - 1, MAX_ID, id + 128 * 1000]) {
    assert.equal(inFlight.take(other), undefined, `id ${other}`);
  }
  assert.equal(inFlight.size, 1);
  assert.notEqual(inFlight.take(id), undefined);
});

Deno.test("add() continues with 1 after the largest u32", () => {
  const inFlight = new InFlight(64, MAX_ID - 2);
  const jobs = Array.from({ length: 5 }, newJob);
  assert.deepEqual(jobs.map((job) => inFlight.add(job)), [MAX_ID - 1, MAX_ID, 1, 2, 3]);
  assert.equal(inFlight.take(MAX_ID), jobs[1]);
  assert.equal(inFlight.take(1), jobs[2]);
  assert.deepEqual(inFlight.clear(), [[MAX_ID - 1, jobs[0]], [2, jobs[3]], [3, jobs[4]]]);
  assert.equal(inFlight.size, 0);
});

Deno.test("takeYounger() returns the jobs that were added after one, which may be gone", () => {
  const inFlight = new InFlight(64, MAX_ID - 2);
  const jobs = Array.from({ length: 5 }, newJob);
  for (const job of jobs) inFlight.add(job);
  assert.equal(inFlight.last, 3);
  inFlight.take(MAX_ID);
  inFlight.take(2);
  assert.deepEqual(inFlight.takeYounger(MAX_ID), [[1, jobs[2]], [3, jobs[4]]]);
  assert.deepEqual(inFlight.takeYounger(MAX_ID), []);
  assert.deepEqual(inFlight.clear(), [[MAX_ID - 1, jobs[0]]]);
});

Deno.test("takeYounger() returns all jobs when none was begun", () => {
  const inFlight = new InFlight();
  const jobs = [newJob(), newJob()];
  for (const job of jobs) inFlight.add(job);
  assert.deepEqual(inFlight.takeYounger(0), [[1, jobs[0]], [2, jobs[1]]]);
});

Deno.test("clear() returns each job once, and nothing when there is none", () => {
  const inFlight = new InFlight();
  assert.deepEqual(inFlight.clear(), []);
  const job = newJob();
  const id = inFlight.add(job);
  assert.deepEqual(inFlight.clear(), [[id, job]]);
  assert.deepEqual(inFlight.clear(), []);
  assert.equal(inFlight.take(id), undefined);
});

Deno.test("InFlight behaves like an ordered Map, at any point of the ids", () => {
  const first = fc.oneof(fc.nat(MAX_ID), fc.integer({ min: MAX_ID - 300, max: MAX_ID }), fc.nat(300));
  const turns = fc.array(fc.oneof(fc.constant("add" as const), fc.nat(200)), { maxLength: 400, size: "max" });
  fc.assert(fc.property(first, turns, (first, turns) => {
    const inFlight = new InFlight(64, first);
    const model = new Map<number, Job>();
    const given: number[] = [];
    for (const turn of turns) {
      if (turn !== "add") {
        const id = given.at(-1 - turn) ?? 0;
        assert.equal(inFlight.take(id), model.get(id));
        model.delete(id);
      } else {
        if (model.size >= 64) continue;
        const job = newJob();
        const id = inFlight.add(job);
        assert.ok(id >= 1 && id <= MAX_ID && !model.has(id));
        model.set(id, job);
        given.push(id);
      }
      assert.equal(inFlight.size, model.size);
    }
    const left = inFlight.clear();
    assert.deepEqual(left.map(([id]) => id), [...model.keys()]);
    for (const [id, job] of left) assert.equal(job, model.get(id));
  }));
});

Deno.test("add() skips ids whose slots long-running jobs occupy", () => {
  const inFlight = new InFlight(2);
  const slow = newJob();
  assert.equal(inFlight.add(slow, 5), 1);
  const ids: number[] = [];
  for (let i = 0; i < 6; i++) {
    const id = inFlight.add(newJob(), 10 + i);
    ids.push(id);
    assert.equal(inFlight.oldest(), 5);
    inFlight.take(id);
  }
  assert.deepEqual(ids, [2, 3, 4, 6, 7, 8], "5 would be in the place of 1");
  assert.deepEqual(inFlight.since(4), []);
  assert.deepEqual(inFlight.since(5), [1]);
  inFlight.restart(1, 30);
  inFlight.restart(2, 40);
  assert.equal(inFlight.oldest(), 30);
  assert.ok(inFlight.has(1, slow) && !inFlight.has(2, slow));
  assert.equal(inFlight.take(1), slow);
  assert.equal(inFlight.oldest(), Infinity);
});

Deno.test("add() throws a RangeError when all slots are taken", () => {
  const inFlight = new InFlight(1);
  inFlight.add(newJob());
  inFlight.add(newJob());
  assert.throws(() => inFlight.add(newJob()), RangeError);
});
