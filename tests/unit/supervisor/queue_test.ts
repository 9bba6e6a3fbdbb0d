import assert from "node:assert/strict";
import fc from "fast-check";
import type { Job } from "../../../src/supervisor/job.ts";
import { JobQueue } from "../../../src/supervisor/queue.ts";
import { utf8 } from "../helper/bytes.ts";

const job = (acceptedAt: number): Job => ({ metadata: utf8("{}"), body: utf8(""), settle: () => {}, acceptedAt });

/** All that is in it, taken out. */
function rest(queue: JobQueue): number[] {
  const times: number[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) times.push(next.acceptedAt);
  return times;
}

Deno.test("JobQueue gives jobs in the order in which they came, those that came back first", () => {
  const queue = new JobQueue();
  for (const time of [1, 2, 3]) queue.push(job(time));
  const taken = [queue.take()!, queue.take()!];
  queue.push(job(4));
  queue.putBack(taken);
  queue.putBack([job(0)]);
  assert.equal(queue.size, 5);
  assert.deepEqual(rest(queue), [0, 1, 2, 3, 4]);
  assert.equal(queue.size, 0);
  assert.equal(queue.take(), undefined);
});

Deno.test("JobQueue drops a job wherever it is, once, and not one that was taken", () => {
  const queue = new JobQueue();
  const jobs = [1, 2, 3, 4].map(job);
  const tickets = jobs.map((each) => queue.push(each));
  assert.equal(queue.drop(tickets[1]!, jobs[1]!), true);
  assert.equal(queue.drop(tickets[1]!, jobs[1]!), false);
  assert.equal(queue.take(), jobs[0]);
  assert.equal(queue.drop(tickets[0]!, jobs[0]!), false);
  queue.putBack([jobs[0]!]);
  assert.equal(queue.drop(tickets[0]!, jobs[0]!), true, "one that came back, too");
  assert.equal(queue.drop(tickets[3]!, jobs[3]!), true);
  assert.deepEqual(rest(queue), [3]);
});

Deno.test("JobQueue gives those that are late, and leaves the others", () => {
  const queue = new JobQueue();
  for (const time of [1, 2, 3]) queue.push(job(time));
  queue.putBack([job(0), job(5)]);
  assert.deepEqual(queue.takeAcceptedBefore(3).map(({ acceptedAt }) => acceptedAt), [0, 1, 2]);
  assert.deepEqual(rest(queue), [5, 3]);
});

Deno.test("JobQueue is the same as an array, whatever is done to it", () => {
  const turn = fc.record({
    what: fc.constantFrom("push", "push", "take", "back", "drop", "late", "new"),
    count: fc.integer({ min: 1, max: 1500 }),
    which: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40, size: "max" }), (turns) => {
      const queue = new JobQueue();
      const tickets = new Map<Job, number>();
      let model: Job[] = [];
      let taken: Job[] = [];
      let time = 0;
      for (const { what, count, which } of turns) {
        if (what === "push") {
          for (let i = 0; i < count; i++) {
            const added = job(time++);
            tickets.set(added, queue.push(added));
            model.push(added);
          }
        } else if (what === "take") {
          taken = Array.from({ length: Math.min(count, model.length) }, () => queue.take()!);
          assert.deepEqual(taken, model.splice(0, count));
        } else if (what === "back") {
          queue.putBack(taken);
          model = [...taken.splice(0), ...model];
        } else if (what === "drop" && model.length > 0) {
          const [dropped] = model.splice(Math.floor(which * model.length), 1);
          assert.equal(queue.drop(tickets.get(dropped!)!, dropped!), true);
        } else if (what === "late" && model.length > 0) {
          const limit = model[Math.floor(which * model.length)]!.acceptedAt;
          const late = model.filter(({ acceptedAt }) => acceptedAt < limit);
          assert.deepEqual(new Set(queue.takeAcceptedBefore(limit)), new Set(late));
          model = model.filter(({ acceptedAt }) => acceptedAt >= limit);
        }
        assert.equal(queue.first, model[0]);
        assert.equal(queue.size, model.length);
      }
      assert.deepEqual(rest(queue), model.map(({ acceptedAt }) => acceptedAt));
    }),
    { numRuns: 50 },
  );
});
